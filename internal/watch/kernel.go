package watch

import (
	"fmt"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// dumpLinks reads links and their addresses anew: all that states depend on. What is
// not there any more is marked by a link without ifindex, for compareLinks.
func (w *Watcher) dumpLinks() error {
	err := w.kernel.Dump(hostnet.ObjectLink, func() {
		for _, l := range w.links {
			w.setKernel(l, hostnet.Link{})
		}
	}, func(c hostnet.Change) {
		l := w.links[c.Index]
		if l == nil {
			l = w.newLink(c.Index)
		}
		w.setKernel(l, c.Link)
	})
	if err != nil {
		return fmt.Errorf("listing links: %w", err)
	}
	err = w.dumpSet(hostnet.ObjectAddr, func(l *link) *members { return &l.addresses })
	if err != nil {
		return fmt.Errorf("listing addresses: %w", err)
	}
	return nil
}

// dumpRouting reads routes and rules anew.
func (w *Watcher) dumpRouting() error {
	if err := w.dumpRoutes(); err != nil {
		return err
	}
	err := w.dumpSet(hostnet.ObjectRule, func(l *link) *members { return &l.rules })
	if err != nil {
		return fmt.Errorf("listing rules: %w", err)
	}
	return nil
}

func (w *Watcher) dumpRoutes() error {
	began := time.Now()
	w.redump = false
	if err := w.dumpSet(hostnet.ObjectRoute, func(l *link) *members { return &l.routes }); err != nil {
		return fmt.Errorf("listing routes: %w", err)
	}
	// A full table takes long to read: read it in at most a tenth of the time.
	w.nextRedump = time.Now().Add(9 * time.Since(began))
	return nil
}

// dumpSet fills one set of every link from a dump.
func (w *Watcher) dumpSet(object hostnet.Object, set func(*link) *members) error {
	return w.kernel.Dump(object, func() {
		set(&w.host).clear(w.roomFor(object))
		for _, l := range w.links {
			set(l).clear(w.roomFor(object))
		}
	}, func(c hostnet.Change) {
		if l := w.at(c.Index); l != nil && (object != hostnet.ObjectAddr || c.Addr.Usable()) {
			set(l).add(c.Digest, detail(c), w.roomFor(object))
		}
	})
}

// roomFor returns the budget that sets of a kind of object share.
func (w *Watcher) roomFor(object hostnet.Object) *int {
	if object == hostnet.ObjectAddr {
		return &w.room
	}
	return &w.budget
}

func detail(c hostnet.Change) uint8 {
	if c.Object == hostnet.ObjectAddr {
		return addrDetail(c.Addr)
	}
	return 0
}

// fromKernel takes in one message.
func (w *Watcher) fromKernel(c hostnet.Change) {
	switch c.Object {
	case hostnet.ObjectLink:
		w.linkChanged(c)
	case hostnet.ObjectAddr:
		w.addressChanged(c)
	case hostnet.ObjectRoute:
		w.routeChanged(c)
	case hostnet.ObjectRule:
		w.suspectObject(c)
		w.setChanged(&w.host, &w.host.rules, hostnet.KindRules, c)
	}
}

// newLink makes room for a link that was not known, and has networkd asked
// about it: what that signalled before now was not for any link.
func (w *Watcher) newLink(index int) *link {
	l := &link{states: hostnet.States{}}
	w.links[index] = l
	if w.busUp {
		w.bus.Refresh(index)
	}
	return l
}

func (w *Watcher) linkChanged(c hostnet.Change) {
	l := w.links[c.Index]
	if c.Gone {
		if l != nil {
			master := l.kernel.MasterIndex
			w.setKernel(l, hostnet.Link{})
			if !w.first {
				w.vanished(c.Index, l)
				w.deriveMaster(master)
			}
		}
		return
	}
	if l == nil {
		l = w.newLink(c.Index)
	}
	was := l.kernel
	w.setKernel(l, c.Link)
	w.suspectLink(was, c.Link)
	if was.Flags&hostnet.FlagUp != 0 && c.Link.Flags&hostnet.FlagUp == 0 {
		// A link set down loses its IPv4 routes without a message.
		w.suspectRoutes()
	}
	if w.first {
		return
	}
	if l.name != c.Link.Name {
		w.appeared(c.Index, l)
	}
	w.deriveStates(c.Index, l)
	if was.MasterIndex != c.Link.MasterIndex {
		w.deriveMaster(was.MasterIndex)
	}
	w.deriveMaster(c.Link.MasterIndex)
}

func (w *Watcher) addressChanged(c hostnet.Change) {
	l := w.links[c.Index]
	if l == nil {
		return
	}
	if c.Gone {
		// The last IPv4 address takes the device's routes in all tables with
		// it, again without a message.
		w.suspectRoutes()
	}
	// An address is there once it can be used: not while duplicate address
	// detection runs, nor after that failed.
	c.Gone = c.Gone || !c.Addr.Usable()
	w.setChanged(l, &l.addresses, hostnet.KindAddresses, c)
	if !w.first {
		w.deriveStates(c.Index, l)
	}
}

func (w *Watcher) routeChanged(c hostnet.Change) {
	l := w.at(c.Index)
	if l == nil {
		return
	}
	w.suspectObject(c)
	if c.Replaced {
		w.suspectRoutes() // the one it replaced, perhaps of another link
	}
	w.setChanged(l, &l.routes, hostnet.KindRoutes, c)
}

// setChanged takes a message into a set and, if that changed it, remembers
// what it was about and lets the burst settle.
func (w *Watcher) setChanged(l *link, set *members, kind hostnet.Kind, c hostnet.Change) {
	var changed bool
	if c.Gone {
		changed = set.remove(c.Digest, w.roomFor(c.Object))
	} else {
		changed = set.add(c.Digest, detail(c), w.roomFor(c.Object))
	}
	if !changed || w.first {
		return
	}
	if set.vague() {
		w.redump = true
	}
	if kind == hostnet.KindAddresses {
		w.suspect(c.Index, l.name)
	}
	l.note(kind, c.Digest, c.Gone, func() string {
		if kind == hostnet.KindRules {
			return ""
		}
		return w.kernel.Describe(c)
	})
	w.soon()
}

// suspectRoutes has the routes read anew once the burst has settled.
func (w *Watcher) suspectRoutes() {
	w.redump = true
	w.soon()
}

// soon has levels compared when the burst is over.
func (w *Watcher) soon() {
	if w.first {
		return
	}
	now := time.Now()
	if w.burstSince.IsZero() {
		w.burstSince = now
	}
	w.settleAt.Reset(min(settle, settleMost-now.Sub(w.burstSince)))
}

// settled compares the levels of all links at the end of a burst.
func (w *Watcher) settled() {
	// What the kernel has said by now belongs to the burst, too.
	w.receive()
	w.settleAt.Stop()
	w.burstSince = time.Time{}
	if w.failure != nil {
		return
	}
	w.spoolSuspects()
	if w.redump {
		if wait := time.Until(w.nextRedump); wait > settleMost {
			// The sets are compared now all the same: that something changed
			// is known, only not what is left.
			w.settleAt.Reset(wait)
		} else if err := w.dumpRoutes(); err != nil {
			w.failure = err
			return
		}
	}
	w.compareAllLevels()
}
