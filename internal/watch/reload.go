package watch

import "github.com/netbrk/netbrk/internal/hostnet"

// reloaded takes in other options.
func (w *Watcher) reloaded(change func(*Options)) {
	counted := w.Match
	change(&w.Options)
	w.told = standing{} // the status line may be another one
	if w.first {
		return // nothing was told of any link yet
	}
	for _, index := range w.indexes() {
		l := w.links[index]
		before, now := counted(l.name), w.Match(l.name)
		if before == now {
			continue
		}
		w.dirty[index] = struct{}{} // its record comes or goes
		if now {
			w.admit(index, l)
		}
	}
	w.suspectAll()
}

// admit tells all there is to tell of a link that did not count up to now, as
// the first pass would have. What is new of it before now was told to nobody.
func (w *Watcher) admit(index int, l *link) {
	l.unsaid()
	w.emit(hostnet.Event{Kind: hostnet.KindLinks, Index: index, Link: l.name, Action: hostnet.ActionAdded})
	w.deriveStates(index, l)
	w.soon()
}

// unsaid forgets what was told of a link.
func (l *link) unsaid() {
	l.states, l.compared, l.pending = hostnet.States{}, levels{}, nil
}
