package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// receiveBytes is the buffer for one datagram. The kernel fills a dump's
// datagrams up to 32 KiB when the reader's buffer allows it (netlink_dump in
// net/netlink/af_netlink.c); notifications are smaller.
const receiveBytes = 32 << 10

// ErrOverrun is returned when the kernel dropped messages because the
// receive buffer was full (ENOBUFS, netlink(7)): only a dump tells the truth.
var ErrOverrun = errors.New("the kernel dropped messages")

// socket is a raw rtnetlink socket.
type socket struct {
	file *os.File
	raw  syscall.RawConn
	fd   int
	// timeout bounds one wait; 0 for no bound.
	timeout time.Duration
}

// openSocket opens one that the runtime's poller waits for.
func openSocket() (*socket, error) { return newSocket(unix.SOCK_NONBLOCK) }

// openQuietSocket opens one that the runtime's poller does not know: nobody can
// wait for it but with an alarm.
func openQuietSocket(groups ...int) (*socket, error) { return newSocket(0, groups...) }

// newSocket has the runtime's poller know the socket where flags say that it does
// not block, see os.NewFile.
func newSocket(flags int, groups ...int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening rtnetlink socket: %w", err)
	}
	s := &socket{fd: fd, file: os.NewFile(uintptr(fd), "rtnetlink")}
	if err := s.setUp(groups); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) setUp(groups []int) error {
	// Strict checking makes the kernel honour filters in dump requests
	// (Linux 4.20); without it a dump is merely larger.
	_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("binding rtnetlink socket: %w", err)
	}
	if err := s.join(groups...); err != nil {
		return err
	}
	raw, err := s.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("preparing rtnetlink socket: %w", err)
	}
	s.raw = raw
	return nil
}

// join subscribes to the notifications of groups, RTNLGRP_* of
// uapi/linux/rtnetlink.h.
func (s *socket) join(groups ...int) error {
	for _, group := range groups {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("joining rtnetlink group %d: %w", group, err)
		}
	}
	return nil
}

// leave ends what join began. What was told until then is still to be read.
func (s *socket) leave(groups ...int) {
	for _, group := range groups {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_DROP_MEMBERSHIP, group)
	}
}

// send hands messages to the kernel, which has dealt with all of them when
// send returns: rtnetlink works in the sender's own time (netlink_unicast_kernel
// in af_netlink.c).
func (s *socket) send(messages []byte) error {
	for {
		err := unix.Sendto(s.fd, messages, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// wait blocks until the socket can be read, or is closed. It returns
// os.ErrDeadlineExceeded when that takes longer than the timeout.
func (s *socket) wait() error {
	if s.timeout != 0 {
		if err := s.file.SetReadDeadline(time.Now().Add(s.timeout)); err != nil {
			return err
		}
	}
	return s.raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n != 0 || (err != nil && !errors.Is(err, unix.EINTR))
	})
}

// receive reads one datagram of the kernel without blocking. It returns
// unix.EAGAIN when there is none.
func (s *socket) receive(buf []byte) (int, error) {
	for {
		n, _, flags, from, err := unix.Recvmsg(s.fd, buf, nil, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			return 0, ErrOverrun
		case err != nil:
			return 0, err
		case flags&unix.MSG_TRUNC != 0:
			return 0, ErrOverrun
		}
		// Any process may send to a netlink socket; only port 0 is the kernel.
		if sa, ok := from.(*unix.SockaddrNetlink); ok && sa.Pid == 0 {
			return n, nil
		}
	}
}

// next is receive for those who wait for an answer.
func (s *socket) next(buf []byte) (int, error) {
	for {
		n, err := s.receive(buf)
		if !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
		if err := s.wait(); err != nil {
			return 0, err
		}
	}
}

// discard empties the receive buffer. The kernel adds nothing to a buffer that
// has overrun until it was emptied (netlink_rcv_wake in af_netlink.c), so this
// takes no longer than what fits; the bound is for a storm right after.
func (s *socket) discard(buf []byte) {
	for range 16 * turnDatagrams {
		if _, err := s.receive(buf); err != nil && !errors.Is(err, ErrOverrun) {
			return // EAGAIN; the next receive finds out about anything else
		}
	}
}

// linkName asks for one name without any of the rest (SIOCGIFNAME of
// netdevice(7), which any socket takes). "if7" is how ip(8) writes a link that
// is gone.
func (s *socket) linkName(index int) (name string, there bool) {
	req, err := unix.NewIfreq("")
	if err == nil {
		req.SetUint32(uint32(index))
		err = unix.IoctlIfreq(s.fd, unix.SIOCGIFNAME, req)
	}
	if err != nil {
		return "if" + strconv.Itoa(index), false
	}
	return req.Name(), true
}

func (s *socket) close() error { return s.file.Close() }
