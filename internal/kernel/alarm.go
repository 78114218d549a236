package kernel

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// alarm tells once that a file can be read, and then not again until it is set
// anew. The runtime's poller would wake the process for each message that comes,
// whether anybody waits for it or not, as it watches for edges (netpoll_epoll.go
// in Go's runtime). So it watches an epoll file of ours, which is as silent as the
// file in it, EPOLLONESHOT of epoll_ctl(2).
type alarm struct {
	file   *os.File // the epoll file
	raw    syscall.RawConn
	target int
}

// newAlarm returns an alarm that is set. The runtime's poller must not know the
// target.
func newAlarm(target int) (*alarm, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // os.NewFile asks for that
	}
	if err != nil {
		return nil, fmt.Errorf("making an epoll file: %w", err)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "epoll"), target: target}
	if a.raw, err = a.file.SyscallConn(); err == nil {
		err = a.control(unix.EPOLL_CTL_ADD)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing an epoll file: %w", err), a.close())
	}
	return a, nil
}

// wait blocks until the target can be read, or the alarm is closed.
func (a *alarm) wait() error {
	var failure error
	err := a.raw.Read(func(fd uintptr) bool {
		var events [1]unix.EpollEvent
		n, err := unix.EpollWait(int(fd), events[:], 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			failure = err
		}
		return n > 0 || failure != nil
	})
	return errors.Join(err, failure)
}

// set has wait return once more, at once where there is something to read still.
func (a *alarm) set() error { return a.control(unix.EPOLL_CTL_MOD) }

func (a *alarm) control(op int) error {
	var failure error
	err := a.raw.Control(func(fd uintptr) {
		failure = unix.EpollCtl(int(fd), op, a.target, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(a.target)})
	})
	return errors.Join(err, failure)
}

func (a *alarm) close() error { return a.file.Close() }
