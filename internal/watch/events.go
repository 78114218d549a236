package watch

import "github.com/netbrk/netbrk/internal/hostnet"

// appeared makes the event of a link that is new, or has a new name.
func (w *Watcher) appeared(index int, l *link) {
	old := l.name
	l.name = l.kernel.Name
	w.dirty[index] = struct{}{}
	if old != "" && !w.Match(old) && w.Match(l.name) {
		// What it is was not told under its former name.
		l.unsaid()
		w.soon()
	}
	switch {
	case old == "" && w.Match(l.name):
		w.emit(hostnet.Event{Kind: hostnet.KindLinks, Index: index, Link: l.name, Action: hostnet.ActionAdded})
	case old != "" && (w.Match(old) || w.Match(l.name)):
		w.emit(hostnet.Event{
			Kind: hostnet.KindLinks, Index: index, Link: l.name,
			Action: hostnet.ActionRenamed, PreviousLink: old,
		})
	}
}

// vanished makes the event of a link that is gone, and forgets it.
func (w *Watcher) vanished(index int, l *link) {
	w.suspect(index, l.name)
	l.addresses.clear(&w.room)
	l.routes.clear(&w.budget)
	delete(w.links, index)
	delete(w.dirty, index)
	w.looks.stop(index)
	w.asks.stop(index)
	if l.name != "" && w.Match(l.name) {
		// Whoever acted on the lease has to know; addresses and routes are as
		// gone as the link is.
		if none := (hostnet.LeaseMark{}); l.compared.lease != none {
			w.emit(leaseEvent(index, l, l.compared.lease, none))
		}
		w.emit(hostnet.Event{Kind: hostnet.KindLinks, Index: index, Link: l.name, Action: hostnet.ActionRemoved})
	}
	if w.failure == nil { // else the record is what tells the next run
		w.forget(index, l.name)
	}
}

// forget removes the record of a link.
func (w *Watcher) forget(index int, name string) {
	if err := w.records.Remove(index); err != nil {
		w.Log.Warn("removing link record", "link", name, "err", err)
	}
}

// deriveStates brings a link's words up to date: networkd's where networkd is
// there and knows the link, else those that the kernel's facts amount to.
func (w *Watcher) deriveStates(index int, l *link) {
	derived := w.derived(l)
	if w.busUp && l.told != nil {
		w.doubtStates(l, derived[hostnet.OperationalState])
		w.setStates(index, l, l.told)
		return
	}
	if w.busUp && !l.unknown {
		return // networkd is about to tell of it
	}
	// A networkd that is there tells of its own word when it has got to know the
	// link. Its file may be ahead of its signals: the same word would come twice.
	if w.Networkd && !w.busUp {
		if admin := w.files.AdministrativeState(index); admin != "" {
			derived[hostnet.AdministrativeState] = admin
		}
	}
	w.setStates(index, l, derived)
}

// lingering is networkd's word for a link that is gone. That the link is gone
// is an event of its own, whoever tells of it.
const lingering = "linger"

// setStates makes an event of each of the two properties that hooks follow
// and whose word is another one: operational first, then administrative.
func (w *Watcher) setStates(index int, l *link, now hostnet.States) {
	for _, p := range []hostnet.Property{hostnet.OperationalState, hostnet.AdministrativeState} {
		word, ok := now[p]
		if !ok || word == "" || word == l.states[p] {
			continue
		}
		previous := l.states[p]
		l.states[p] = word
		w.dirty[index] = struct{}{}
		if (hostnet.IsLinkState(word) || w.Silent && word != lingering) && w.Match(l.name) {
			w.emit(hostnet.Event{
				Kind: hostnet.KindState, Index: index, Link: l.name,
				Property: p, State: word, Previous: previous,
			})
		}
	}
}

func (w *Watcher) compareAllLevels() {
	for _, index := range w.indexes() {
		w.compareLevels(index, w.links[index])
	}
	w.compareLevels(host, &w.host)
}

// compareLevels makes an event of each set of a link that is another one than
// at the last comparison.
func (w *Watcher) compareLevels(index int, l *link) {
	now := l.levels()
	pending := l.pending
	l.pending = nil
	if now == l.compared {
		return
	}
	was := l.compared
	l.compared = now
	w.dirty[index] = struct{}{}
	if index != host && !w.Match(l.name) {
		return
	}
	var events []hostnet.Event
	for _, set := range []struct {
		kind     hostnet.Kind
		was, now Digest
	}{
		{hostnet.KindAddresses, was.addresses, now.addresses},
		{hostnet.KindRoutes, was.routes, now.routes},
		{hostnet.KindRules, was.rules, now.rules},
	} {
		if set.was != set.now {
			events = append(events, setEvent(index, l, set.kind, pending[set.kind], set.was, set.now))
		}
	}
	if was.lease != now.lease {
		events = append(events, leaseEvent(index, l, was.lease, now.lease))
	}
	w.emit(events...)
}

// setEvent makes the event of a set that is another one; d is what the messages said.
func setEvent(index int, l *link, kind hostnet.Kind, d *difference, was, now Digest) hostnet.Event {
	// The messages named one object; only if the sets agree was it all.
	if d != nil && !explains(d, was, now) {
		d.many = true
	}
	ev := hostnet.Event{Kind: kind, Index: index, Link: l.name, Action: action(d, was.Count, now.Count)}
	if d != nil && !d.many {
		switch kind {
		case hostnet.KindAddresses:
			ev.Address = d.text
		case hostnet.KindRoutes:
			ev.Route = d.text
		}
	}
	return ev
}

// explains reports whether the coming or going of one object is the whole
// difference between two sets.
func explains(d *difference, was, now Digest) bool {
	if d.gone {
		return now == Digest{was.Count - 1, was.Sum - d.digest}
	}
	return now == Digest{was.Count + 1, was.Sum + d.digest}
}

func (w *Watcher) compareManager() {
	if !w.busUp {
		return
	}
	word := w.host.told[hostnet.OperationalState]
	previous := w.host.states[hostnet.OperationalState]
	if word == "" || word == previous {
		return
	}
	w.host.states[hostnet.OperationalState] = word
	w.dirty[host] = struct{}{}
	w.emit(hostnet.Event{
		Kind: hostnet.KindManager, Property: hostnet.OperationalState, State: word, Previous: previous,
	})
}
