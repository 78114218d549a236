package watch

import "github.com/netbrk/netbrk/internal/hostnet"

// suspect has a link's policy routing looked at once the burst has settled. All
// that the watcher says is where to look: what is wrong, if anything, the reader
// finds out itself.
func (w *Watcher) suspect(index int, name string) {
	if w.first || w.Routed == nil {
		return
	}
	if w.suspects == nil {
		w.suspects = map[int]string{}
	}
	w.suspects[index] = name
	w.soon()
}

// routeFirst has the rules looked at without waiting for networkd's words.
func (w *Watcher) routeFirst() {
	if w.Routed != nil {
		w.suspects = map[int]string{host: ""}
		w.spoolSuspects()
	}
}

// suspectAll is for when anything may have changed.
func (w *Watcher) suspectAll() {
	w.suspect(host, "")
	for index, l := range w.links {
		w.suspect(index, l.name)
	}
}

// suspectLink compares what a link was with what it is, as far as its routes or
// its having any depend on it.
func (w *Watcher) suspectLink(was, is hostnet.Link) {
	const flags = hostnet.FlagUp | hostnet.FlagLowerUp | hostnet.FlagRunning | hostnet.FlagPointToPoint
	if (was.Flags^is.Flags)&flags != 0 || was.MasterIndex != is.MasterIndex || was.Name != is.Name ||
		was.CarrierChanges != is.CarrierChanges {
		w.suspect(is.Index, is.Name)
	}
}

// suspectObject looks at a message about a route or a rule. What netbrk added is
// told to us like anything else, and is no news: only its removal is, by whomever.
// So a change of our own leads to one more look at most, which finds nothing to do.
func (w *Watcher) suspectObject(c hostnet.Change) {
	ours := c.Protocol == hostnet.Protocol
	switch c.Object {
	case hostnet.ObjectRule:
		if ours && c.Gone {
			w.suspect(host, "")
		}
	case hostnet.ObjectRoute:
		// Another's route that took the place of a route of ours is told of by
		// one message, its own.
		relevant := c.Gone && ours || !ours && (c.Table == hostnet.TableMain || c.Replaced)
		if l := w.links[c.Index]; relevant && l != nil {
			w.suspect(c.Index, l.name)
		}
	}
}

// spoolSuspects writes the suspects that have, or shall have, rules. One that
// cannot be written stays suspect.
func (w *Watcher) spoolSuspects() {
	for index, name := range w.suspects {
		if w.Routed(index, name) {
			if err := w.Reconcile(index); err != nil {
				w.Log.Error("policy routing may be out of date", "link", name, "err", err)
				continue
			}
		}
		delete(w.suspects, index)
	}
}
