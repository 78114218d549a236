package watch

import (
	"maps"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// fromBus takes in what networkd, or its absence, told.
func (w *Watcher) fromBus(ev hostnet.BusEvent) {
	switch {
	case ev.Up != nil:
		w.busCame(ev.Up)
	case ev.Changed != nil:
		w.busChanged(*ev.Changed)
		return
	default:
		w.busWent(ev.Down)
	}
	if w.first {
		w.finishFirst()
		return
	}
	for _, index := range w.indexes() {
		w.deriveStates(index, w.links[index])
	}
	w.compareManager()
}

func (w *Watcher) busCame(snap *hostnet.BusSnapshot) {
	if !w.first && !w.busUp {
		w.Log.Info("following systemd-networkd on the bus", "links", len(snap.Links))
	}
	w.busUp, w.busDown = true, ""
	w.host.told = snap.Manager
	for index, l := range w.links {
		l.told, l.doubted = snap.Links[index], ""
		if l.unknown = l.told == nil; l.unknown {
			w.bus.Refresh(index)
		}
	}
}

func (w *Watcher) busWent(why string) {
	if w.busUp || w.busDown == "" {
		w.Log.Warn("states come from the kernel until systemd-networkd is back", "why", why)
	}
	w.busUp, w.busDown = false, why
	w.host.told = nil
	for _, l := range w.links {
		l.told, l.unknown, l.doubted = nil, false, ""
	}
}

// busChanged takes in changed properties of a link or of the manager.
func (w *Watcher) busChanged(c hostnet.BusChange) {
	if !w.busUp {
		return
	}
	if c.Index == host {
		w.host.told = merged(w.host.told, c.States)
		if !w.first {
			w.compareManager()
		}
		return
	}
	l := w.links[c.Index]
	if l == nil {
		return // gone already
	}
	if c.Lease {
		w.expectLease(c.Index, l)
		return
	}
	if c.Unknown {
		w.unknownLink(c.Index, l)
	} else {
		w.knownLink(c.Index, l, c.States)
	}
	if w.first {
		return
	}
	w.deriveStates(c.Index, l)
}

// newAsks are the questions about a link that networkd did not know when it was
// asked first: it knows each link, but a busy one reads the kernel's messages later
// than we do. Who went by the kernel at once would tell of all that a new link goes
// through, and tell it again with the signals of a networkd that caught up.
func newAsks() again {
	return newAgain(50*time.Millisecond, 200*time.Millisecond, 500*time.Millisecond, time.Second, 2*time.Second)
}

// knownLink takes in what networkd tells of a link.
func (w *Watcher) knownLink(index int, l *link, states hostnet.States) {
	if l.told == nil && states[hostnet.OperationalState] == "" {
		w.bus.Refresh(index) // a part of what it knows of a link that is new to us
	} else {
		w.asks.stop(index)
	}
	l.told, l.unknown = merged(l.told, states), false
}

// unknownLink takes in that networkd does not know a link.
func (w *Watcher) unknownLink(index int, l *link) {
	l.told = nil
	switch {
	case w.first:
		l.unknown = true
	case !l.unknown && !w.asks.running(index):
		w.asks.start(index)
	}
}

// askAgain has networkd asked about a link once more; in the end the kernel is
// what there is.
func (w *Watcher) askAgain(index int, last bool) {
	l := w.links[index]
	switch {
	case l == nil || l.told != nil || !w.busUp:
		w.asks.stop(index)
	case last:
		l.unknown = true
		w.deriveStates(index, l)
	default:
		w.bus.Refresh(index)
	}
}

func merged(known, changed hostnet.States) hostnet.States {
	if known == nil {
		return maps.Clone(changed)
	}
	maps.Copy(known, changed)
	return known
}

// doubtStates sets a timer when the kernel's facts and networkd's word differ
// in whether a link can be used: a networkd that hangs says nothing more. One that
// runs is left as it is, or a link that is told of all the time would put it off.
func (w *Watcher) doubtStates(l *link, derived string) {
	switch {
	case !contradicts(derived, l.told[hostnet.OperationalState]):
		l.doubted = ""
	case l.doubted != derived && !w.doubting:
		w.doubtLater()
	}
}

func (w *Watcher) doubtLater() {
	w.doubting = true
	w.doubt.Reset(doubtAfter)
}

// contradicts leaves out a link that networkd has no word for yet.
func contradicts(kernel, networkd string) bool {
	return kernel != networkd && networkd != ""
}

// resolveDoubt asks networkd about the links that are still in doubt. It
// answers, and is right by definition, or it does not, and the follower goes
// down until it does.
func (w *Watcher) resolveDoubt() {
	w.doubting = false
	if !w.busUp {
		return
	}
	for index, l := range w.links {
		derived := w.derived(l)[hostnet.OperationalState]
		if l.told == nil || l.doubted == derived || !contradicts(derived, l.told[hostnet.OperationalState]) {
			continue
		}
		l.doubted = derived
		w.bus.Refresh(index)
		w.doubtLater() // the others, one after another
		return
	}
}
