package kernel

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// receiveBytes is the buffer for one datagram. The kernel fills a dump's
// datagrams up to 32 KiB when the reader's buffer allows it (netlink_dump in
// net/netlink/af_netlink.c); notifications are smaller.
const receiveBytes = 32 << 10

// ErrOverrun is returned when the kernel dropped messages because the
// receive buffer was full (ENOBUFS, netlink(7)): only a dump tells the truth.
var ErrOverrun = errors.New("the kernel dropped messages")

// socket is a raw rtnetlink socket that the runtime's poller waits for.
type socket struct {
	file *os.File
	raw  syscall.RawConn
	fd   int
}

func openSocket(groups ...int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
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
	for _, group := range groups {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return fmt.Errorf("joining rtnetlink group %d: %w", group, err)
		}
	}
	raw, err := s.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("preparing rtnetlink socket: %w", err)
	}
	s.raw = raw
	return nil
}

// wait blocks until the socket can be read, or is closed.
func (s *socket) wait() error {
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

func (s *socket) close() error { return s.file.Close() }
