package watch

import (
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// looksAfter returns when networkd's file of a lease is looked at after its DHCP
// client signalled a new state. The signal comes before the file is written, and
// the notification of the file may never come: its directory was out of reach,
// or the user had no inotify watch left.
func looksAfter() []time.Duration {
	return []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, time.Second, 3 * time.Second}
}

// look is the next look at a lease that may be written anew.
type look struct {
	signalled time.Time
	done      int // of looksAfter
}

func (k look) at() time.Time { return k.signalled.Add(looksAfter()[k.done]) }

// fromFiles takes in that networkd wrote a file about a link; 0 is any.
func (w *Watcher) fromFiles(index int) {
	if w.first {
		return
	}
	for i, l := range w.links {
		if index != 0 && index != i {
			continue
		}
		w.checkLease(i, l)
		if !w.busUp {
			w.deriveStates(i, l)
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
	w.looks[index] = look{signalled: time.Now()}
	w.planLook()
}

// planLook sets the timer for the next look at any link's lease.
func (w *Watcher) planLook() {
	var next time.Time
	for _, k := range w.looks {
		if at := k.at(); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if next.IsZero() {
		w.lookAt.Stop()
		return
	}
	w.lookAt.Reset(time.Until(next))
}

// lookAgain looks at the leases whose time has come.
func (w *Watcher) lookAgain() {
	now := time.Now()
	for index, k := range w.looks {
		if k.at().After(now) {
			continue
		}
		k.done++
		l := w.links[index]
		if l == nil || w.checkLease(index, l) || k.done == len(looksAfter()) {
			delete(w.looks, index)
			continue
		}
		w.looks[index] = k
	}
	w.planLook()
}

// compareLease makes an event of a lease that is another one.
func (w *Watcher) compareLease(index int, l *link, was, now hostnet.LeaseMark) {
	ev := hostnet.Event{Kind: hostnet.KindLeases, Index: index, Link: l.name, Address: now.Address}
	switch none := (hostnet.LeaseMark{}); {
	case was == now:
		return
	case was == none:
		ev.Action = hostnet.ActionAdded
	case now == none:
		ev.Action, ev.Address = hostnet.ActionRemoved, was.Address
	default:
		ev.Action = hostnet.ActionChanged
	}
	w.emit(ev)
}
