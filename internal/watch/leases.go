package watch

import (
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// newLooks are those at networkd's file of a lease after its DHCP client signalled
// a new state. The signal comes before the file is written, and the notification of
// the file may never come: its directory was out of reach, or the user had no
// inotify watch left.
func newLooks() again {
	return newAgain(20*time.Millisecond, 200*time.Millisecond, time.Second, 3*time.Second)
}

// fromFiles takes in that networkd wrote a file about a link; 0 is any.
func (w *Watcher) fromFiles(index int) {
	if w.first {
		return
	}
	indexes := []int{index}
	if index == 0 {
		indexes = w.indexes()
	}
	for _, index := range indexes {
		l := w.links[index]
		if l == nil {
			continue
		}
		w.checkLease(index, l)
		if !w.busUp {
			w.deriveStates(index, l)
		}
	}
}

// checkLease compares a link's lease with what is known of it.
func (w *Watcher) checkLease(index int, l *link) (changed bool) {
	lease := w.files.Lease(index)
	if lease == l.lease {
		return false
	}
	l.lease = lease
	w.suspect(index, l.name)
	w.soon()
	return true
}

// expectLease takes in that the state of a link's DHCP client is another one:
// in each of them the lease may have come, changed or gone.
func (w *Watcher) expectLease(index int, l *link) {
	if w.first || w.checkLease(index, l) {
		return
	}
	w.looks.start(index)
}

// lookAgain looks at a lease whose file may have been written meanwhile.
func (w *Watcher) lookAgain(index int, _ bool) {
	if l := w.links[index]; l == nil || w.checkLease(index, l) {
		w.looks.stop(index)
	}
}

// leaseEvent makes the event of a lease that is another one.
func leaseEvent(index int, l *link, was, now hostnet.LeaseMark) hostnet.Event {
	ev := hostnet.Event{Kind: hostnet.KindLeases, Index: index, Link: l.name, Address: now.Address}
	switch none := (hostnet.LeaseMark{}); {
	case was == none:
		ev.Action = hostnet.ActionAdded
	case now == none:
		ev.Action, ev.Address = hostnet.ActionRemoved, was.Address
	default:
		ev.Action = hostnet.ActionChanged
	}
	return ev
}
