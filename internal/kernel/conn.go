package kernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// answerTimeout bounds the wait for one datagram of an answer. The kernel
// answers at once; only its rtnl lock, held by a driver in trouble, delays it.
const answerTimeout = 10 * time.Second

// Conn asks questions of rtnetlink in the network namespace that it was opened
// in. It may be used by several goroutines; they take turns.
type Conn struct {
	handle *netlink.Handle
	// sockets serves the requests that handle has no filter for.
	sockets map[int]*nl.SocketHandle
}

// Open opens a connection in the network namespace of the calling thread.
func Open() (*Conn, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening rtnetlink socket: %w", err)
	}
	// Without strict checking (before Linux 4.20) the kernel ignores filters
	// and tells everything: slower, but what it tells is filtered again.
	_ = handle.SetStrictCheck(true)
	if err := handle.SetSocketTimeout(answerTimeout); err != nil {
		handle.Close()
		return nil, fmt.Errorf("setting timeout of rtnetlink socket: %w", err)
	}
	raw, err := openRequestSocket()
	if err != nil {
		handle.Close()
		return nil, err
	}
	return &Conn{handle: handle, sockets: map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: raw}}, nil
}

func openRequestSocket() (*nl.SocketHandle, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening rtnetlink socket: %w", err)
	}
	_ = unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1) // see Open
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	if err := s.SetReceiveTimeout(&timeout); err != nil {
		s.Close()
		return nil, fmt.Errorf("setting timeout of rtnetlink socket: %w", err)
	}
	return &nl.SocketHandle{Socket: s}, nil
}

// Close frees the connection's sockets.
func (c *Conn) Close() {
	c.handle.Close()
	for _, s := range c.sockets {
		s.Close()
	}
}

// request starts a request on the raw socket.
func (c *Conn) request(kind, flags int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = c.sockets
	return req
}

// retryDump runs dump until the kernel does not interrupt it, at most
// dumpTries times. An interrupted dump lacks entries or has some twice
// (NLM_F_DUMP_INTR of uapi/linux/netlink.h); where changes never pause, as on
// a router with a full table, the last one is what there is, and complete is
// false.
func retryDump(ctx context.Context, dump func() error) (complete bool, err error) {
	for range dumpTries {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		err := dump()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err == nil, err
		}
	}
	return false, nil
}

// wholeDump is retryDump for those to whom one that lacks something is of no use:
// what is missing would pass for what has gone.
func wholeDump(ctx context.Context, dump func() error) error {
	complete, err := retryDump(ctx, dump)
	if err == nil && !complete {
		err = errors.New("they changed under every attempt")
	}
	return err
}
