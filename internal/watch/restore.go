package watch

import (
	"cmp"
	"maps"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// restore takes in what the last run knew. The kernel has not told of these
// links yet; those of which it does not tell have vanished meanwhile.
func (w *Watcher) restore(saved map[int]Record, pending []hostnet.Event) {
	for index, r := range saved {
		l := w.at(index)
		if l == nil {
			l = &link{}
			w.links[index] = l
		}
		l.name = r.Name
		l.states = hostnet.States{}
		maps.Copy(l.states, r.States)
		l.compared = levels{r.Addresses, r.Routes, r.Rules, r.Lease}
	}
	// An event that waits is known, whatever became of its record.
	for _, ev := range pending {
		w.restoreEvent(ev)
	}
	w.untold = untold(saved, pending)
	for _, ev := range w.untold {
		w.restoreEvent(ev)
	}
	if !w.Networkd {
		w.forgetNetworkd()
	}
}

// untold are the events of the last run that it may not have put: it was killed
// between saving them with a record and saving the record without them. They do not
// wait in the spool: either they were never there, or they are handled. Those before
// one that waits were put before it.
func untold(saved map[int]Record, pending []hostnet.Event) []hostnet.Event {
	waits := make(map[string]bool, len(pending))
	for _, ev := range pending {
		waits[ev.ID] = true
	}
	var events []hostnet.Event
	for _, r := range saved {
		first := 0
		for i, ev := range r.Telling {
			if waits[ev.ID] {
				first = i + 1
			}
		}
		events = append(events, r.Telling[first:]...)
	}
	slices.SortFunc(events, func(a, b hostnet.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events
}

// tellUntold spools them as they are: who heard of one knows it by its ID.
func (w *Watcher) tellUntold() {
	for _, ev := range w.untold {
		w.spool(ev)
	}
	w.untold = nil
}

// forgetNetworkd drops what only networkd tells, where it is not followed any
// more: its leases have not ended by that, and its words would never change.
func (w *Watcher) forgetNetworkd() {
	for index, l := range w.links {
		if l.compared.lease != (hostnet.LeaseMark{}) || l.states[hostnet.AdministrativeState] != "" {
			l.compared.lease = hostnet.LeaseMark{}
			delete(l.states, hostnet.AdministrativeState)
			w.dirty[index] = struct{}{}
		}
	}
	if len(w.host.states) > 0 { // its manager's
		w.host.states = hostnet.States{}
		w.dirty[host] = struct{}{}
	}
}

func (w *Watcher) restoreEvent(ev hostnet.Event) {
	// Its record does not say so yet, and the event will be handled once.
	w.dirty[ev.Index] = struct{}{}
	switch ev.Kind {
	case hostnet.KindManager:
		w.host.states[ev.Property] = ev.State
	case hostnet.KindLinks:
		switch {
		case ev.Action == hostnet.ActionRemoved:
			delete(w.links, ev.Index)
			w.forget(ev.Index, ev.Link) // the last run was killed before it could
		case w.links[ev.Index] == nil:
			w.links[ev.Index] = &link{name: ev.Link, states: hostnet.States{}}
		default:
			w.links[ev.Index].name = ev.Link
		}
	case hostnet.KindState:
		if l := w.links[ev.Index]; l != nil {
			l.states[ev.Property] = ev.State
		}
	}
}

// compareLinks makes events of what links and states are, as far as it differs from
// the records: at the start, and after messages were lost. compareRest does so of all
// else.
func (w *Watcher) compareLinks() {
	for _, index := range w.indexes() {
		l := w.links[index]
		if l.kernel.Index == 0 {
			w.vanished(index, l)
			continue
		}
		if l.name != l.kernel.Name {
			w.appeared(index, l)
		}
		l.lease = w.files.Lease(index)
		w.deriveStates(index, l)
	}
}

func (w *Watcher) compareRest() {
	w.suspectAll()
	w.spoolSuspects()
	w.compareManager()
	w.compareAllLevels()
}
