package kernel

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// watchedGroups are the multicast groups of links, addresses, routes and rules
// of both families: one socket for all keeps the order among them.
func watchedGroups() []int {
	return []int{
		unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
	}
}

// queueBytes is asked for as the receive buffer: the kernel cuts it down to
// net.core.rmem_max and then doubles it (sock_setsockopt in net/core/sock.c), so
// that by default a queue is twice as long as for those who do not ask. 100,000
// messages in a second overran the shorter one.
const queueBytes = 1 << 20

// turnDatagrams bounds what one Receive reads, so that a storm of messages
// does not starve the caller's other sources.
const turnDatagrams = 256

// Monitor follows what the kernel tells of links, addresses, routes and rules.
// It needs no privilege. All but Readable and Close are for one goroutine.
type Monitor struct {
	notifications *socket
	arrival       *alarm
	readable      chan struct{}
	rearm         chan struct{}
	done          chan struct{}
	closeOnce     sync.Once
	buf           []byte
}

// OpenMonitor subscribes to the kernel's notifications in the calling
// thread's network namespace.
func OpenMonitor() (*Monitor, error) {
	s, err := openQuietSocket(watchedGroups()...)
	if err != nil {
		return nil, err
	}
	arrival, err := newAlarm(s.fd)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queueBytes)
	m := &Monitor{
		notifications: s,
		arrival:       arrival,
		readable:      make(chan struct{}),
		rearm:         make(chan struct{}, 1),
		done:          make(chan struct{}),
		buf:           make([]byte, receiveBytes),
	}
	go m.pump()
	return m, nil
}

// pump waits until there is something to read, says so, and waits again when
// it was read: the owner reads itself, so that "nothing more to read" is a
// fact it can build on. Until then nothing that comes wakes the process.
func (m *Monitor) pump() {
	for m.arrival.wait() == nil {
		select {
		case m.readable <- struct{}{}:
		case <-m.done:
			return
		}
		select {
		case <-m.rearm:
		case <-m.done:
			return
		}
		if m.arrival.set() != nil {
			return // it is closed
		}
	}
}

// Readable delivers a value when Receive has something to read. Each value
// must be answered by one call of Rearm.
func (m *Monitor) Readable() <-chan struct{} { return m.readable }

// Rearm makes Readable deliver again.
func (m *Monitor) Rearm() { m.rearm <- struct{}{} }

// Receive passes on what the kernel told up to now, without blocking. It
// returns ErrOverrun when the kernel dropped messages; the caller has to dump.
// What the kernel kept is dropped as well then: it is older than that dump, and
// the one message that would have undone it may be among the lost ones.
func (m *Monitor) Receive(use func(hostnet.Change)) error {
	for range turnDatagrams {
		n, err := m.notifications.receive(m.buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, ErrOverrun):
			m.notifications.discard(m.buf)
			return err
		case err != nil:
			return fmt.Errorf("receiving from the kernel: %w", err)
		}
		if _, err := eachMessage(m.buf[:n], func(msg message) { msg.decode(use) }); err != nil {
			return err
		}
	}
	return nil
}

// Discard drops what the kernel told up to now, for those who only want to know
// that something changed.
func (m *Monitor) Discard() { m.notifications.discard(m.buf) }

// Close ends the subscription.
func (m *Monitor) Close() error {
	var err error
	m.closeOnce.Do(func() {
		close(m.done)
		err = errors.Join(m.arrival.close(), m.notifications.close())
	})
	return err
}
