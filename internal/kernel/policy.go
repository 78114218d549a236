package kernel

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// answerBytes is asked for as the receive buffer; the kernel doubles it for its
// own bookkeeping and cuts it down to net.core.rmem_max. It must hold the
// answers to batchSteps steps that all fail, 1280 bytes each at most with that
// bookkeeping, so even the default of 212992 does.
const answerBytes = 208 << 10

// Policy reads and changes policy routing, and the links and addresses that it
// depends on, in the network namespace it was opened in. It changes no rule and
// no route that does not carry hostnet.Protocol; whose an address is, its caller
// has to know. It is for one goroutine, except that another one may be in Rules.
type Policy struct {
	reader
	ofRules reader  // of rules, while reader reads all else
	out     encoder // of what is sent
	sent    []int   // the positions of the steps in out
}

// OpenPolicy opens a connection in the network namespace of the calling thread.
// To read takes no privilege; to change anything takes CAP_NET_ADMIN.
func OpenPolicy() (*Policy, error) {
	all, err := openReader()
	if err != nil {
		return nil, err
	}
	rules, err := openReader()
	if err != nil {
		_ = all.socket.close()
		return nil, err
	}
	_ = unix.SetsockoptInt(all.socket.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, answerBytes)
	// An answer without the message that it is to (Linux 4.2), and with the
	// kernel's own words for what is wrong with that (Linux 4.12).
	_ = unix.SetsockoptInt(all.socket.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(all.socket.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	return &Policy{reader: all, ofRules: rules}, nil
}

// Close frees the connection's sockets.
func (p *Policy) Close() {
	_ = p.socket.close()
	_ = p.ofRules.socket.close()
}

// reader asks for one dump after another.
type reader struct {
	socket *socket
	seq    uint32
	buf    []byte // for what is received
}

func openReader() (reader, error) {
	s, err := openSocket()
	if err != nil {
		return reader{}, err
	}
	s.timeout = answerTimeout
	return reader{socket: s, buf: make([]byte, receiveBytes)}, nil
}

// dump passes on the messages that answer a request. It calls start before the
// first one, and again when the dump was interrupted and is repeated. Changes
// that interrupt dumpTries of them are an ErrInterrupted: what is missing in
// such a dump would be added once more or taken for somebody else's removal.
func (r *reader) dump(ctx context.Context, req []byte, start func(), use func(message)) error {
	var err error
	for range dumpTries {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Notifications from before the dump say nothing of it, and a dump that
		// was not read to its end makes the kernel refuse the next one (EBUSY,
		// __netlink_dump_start in af_netlink.c).
		r.socket.discard(r.buf)
		start()
		r.seq++
		err = r.socket.dump(req, r.seq, r.buf, use)
		if !errors.Is(err, ErrInterrupted) {
			return err
		}
	}
	return fmt.Errorf("%d times: %w", dumpTries, err)
}

// absent reports whether a dump failed because there is nothing to tell of: no
// such family (IPv6 may be off), link or table.
func absent(err error) bool {
	for _, none := range []error{unix.EAFNOSUPPORT, unix.EOPNOTSUPP, unix.EPROTONOSUPPORT, unix.ENODEV, unix.ENOENT} {
		if errors.Is(err, none) {
			return true
		}
	}
	return false
}
