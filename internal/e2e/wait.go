package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// until checks a condition, and again whenever wait returns, until it holds. wait
// is called with what it has to report from already being recorded, so that no
// event falls between a check and the wait after it.
func until(ctx context.Context, what string, check func() (bool, error), wait func() error) error {
	var last error
	for {
		ok, err := check()
		if ok && err == nil {
			return nil
		}
		last = err
		if err := wait(); err != nil {
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(context.Cause(ctx), err, last))
		}
	}
}

// endReads makes reads of f end with ctx, until the function that it returns is
// called.
func endReads(ctx context.Context, f *os.File) func() bool {
	return context.AfterFunc(ctx, func() {
		// It cannot fail: inotify and netlink sockets can be polled.
		_ = f.SetReadDeadline(time.Unix(1, 0))
	})
}

// WaitFile waits until a file of the machine has a content that check accepts. A
// file that does not exist has the content nil. It looks again whenever
// something changes in the file's directory, or in the nearest one above it that
// exists.
func (m *Machine) WaitFile(ctx context.Context, name string, check func(content []byte) bool) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("waiting for file %q: %w", name, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	defer endReads(ctx, events)()

	look := func() (bool, error) {
		if err := m.watchAbove(fd, name); err != nil {
			return false, err
		}
		content, err := m.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if check(content) {
			return true, nil
		}
		return false, fmt.Errorf("its content is %q", content)
	}
	buffer := make([]byte, 64<<10)
	return until(ctx, fmt.Sprintf("file %q", name), look, func() error {
		_, err := events.Read(buffer)
		return err
	})
}

// watchAbove watches the nearest directory above name that exists.
func (m *Machine) watchAbove(inotify int, name string) error {
	for dir := path.Dir(path.Clean("/" + name)); ; dir = path.Dir(dir) {
		f, err := m.openIn(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = unix.InotifyAddWatch(inotify, fmt.Sprintf("/proc/self/fd/%d", f.Fd()),
			unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_MOVED_FROM|unix.IN_CLOSE_WRITE|unix.IN_MODIFY|
				unix.IN_DELETE|unix.IN_DELETE_SELF|unix.IN_ATTRIB)
		if err != nil {
			return fmt.Errorf("watching %q: %w", dir, err)
		}
		return nil
	}
}

// WaitNet waits until check, which may run programs inside, finds what it looks
// for; what says what that is. It is called again whenever the kernel tells of a
// change of a link, address, route or rule of the machine.
func (m *Machine) WaitNet(ctx context.Context, what string, check func() (bool, error)) error {
	changes, err := m.openNet()
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", what, err)
	}
	defer changes.Close()
	defer endReads(ctx, changes)()

	buffer := make([]byte, datagramSize)
	return until(ctx, what, check, func() error {
		_, err := changes.Read(buffer)
		if errors.Is(err, unix.ENOBUFS) {
			return nil // more changes than the socket holds: as good as one
		}
		return err
	})
}

// enterNet moves the calling thread into the network namespace of pid.
func enterNet(pid int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("entering the machine's network: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the machine's network: %w", err)
	}
	return nil
}

const (
	// routesBuffer is how many bytes wait for us at most: more than all rules of a
	// link with thousands of addresses, told while this machine is busy.
	routesBuffer = 64 << 20
	// datagramSize is more than the kernel puts into one (32 KiB).
	datagramSize = 64 << 10
)

// openRoutes opens a socket that receives what rtnetlink(7) tells of the calling
// thread's namespace.
func openRoutes() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	socket := os.NewFile(uintptr(fd), "rtnetlink")
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, routesBuffer); err != nil {
		return nil, errors.Join(fmt.Errorf("enlarging a netlink socket's buffer: %w", err), socket.Close())
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(fmt.Errorf("binding a netlink socket: %w", err), socket.Close())
	}
	for _, group := range []int{
		unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV4_RULE,
		unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV6_RULE,
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
			return nil, errors.Join(fmt.Errorf("joining netlink group %d: %w", group, err), socket.Close())
		}
	}
	return socket, nil
}

// Journal returns what the machine's journal holds of unit, PID 1's words on it
// included, or all of it if unit is empty.
func (m *Machine) Journal(ctx context.Context, unit string) (string, error) {
	if _, err := m.Run(ctx, "journalctl", "--sync"); err != nil {
		return "", err
	}
	return m.Run(ctx, journalctl(unit)...)
}

// FollowJournal starts a process whose output is the journal of unit, from the
// boot on and as it grows. Its Line method waits for what is to come.
func (m *Machine) FollowJournal(unit string) (*Process, error) {
	return m.Start(append(journalctl(unit), "--follow", "--lines=all")...)
}

func journalctl(unit string) []string {
	args := []string{"journalctl", "--boot", "--quiet", "--no-pager", "--output=cat"}
	if unit != "" {
		args = append(args, "--unit="+unit)
	}
	return args
}

// WaitJournal waits until the journal of unit has a line that matches and returns
// the first.
func (m *Machine) WaitJournal(ctx context.Context, unit string, match *regexp.Regexp) (string, error) {
	journal, err := m.FollowJournal(unit)
	if err != nil {
		return "", err
	}
	line, err := journal.Line(ctx, match)
	return line, errors.Join(err, journal.Stop())
}
