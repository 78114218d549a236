package dispatcher

import (
	"cmp"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// laneKey names what is handled in order: a link, or a kind of event that is
// about none.
type laneKey struct {
	index int
	kind  hostnet.Kind
}

func keyOf(p hostnet.Pending) laneKey {
	if p.Index != 0 {
		return laneKey{index: p.Index}
	}
	return laneKey{kind: p.Kind}
}

// lane is what waits for one link. Once an event of it was not handled it is
// stopped, so that no later one overtakes it.
type lane struct {
	pending []hostnet.Pending
	running string // the entry at work, empty for none
	queued  bool   // stands in lanes.turn
	stopped bool
}

// lanes keeps what waits, by lane, and whose turn it is. It has no clock and no
// lock: one goroutine owns it.
type lanes struct {
	byKey map[laneKey]*lane
	turn  []*lane
	// left are the entries that stay in the queue though nothing is to be done.
	left map[string]bool
}

func newLanes() *lanes {
	return &lanes{byKey: make(map[laneKey]*lane), left: make(map[string]bool)}
}

// update takes a new listing of the queue for all that waits: what is no longer
// listed was merged into another event. A lane keeps its turn.
func (l *lanes) update(listing []hostnet.Pending) {
	slices.SortStableFunc(listing, func(a, b hostnet.Pending) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, one := range l.byKey {
		one.pending = nil
	}
	for _, p := range listing {
		one := l.byKey[keyOf(p)]
		if one == nil {
			one = &lane{}
			l.byKey[keyOf(p)] = one
		}
		if !l.left[p.Name] && p.Name != one.running {
			one.pending = append(one.pending, p)
			l.enqueue(one)
		}
	}
	l.turn = slices.DeleteFunc(l.turn, func(one *lane) bool {
		one.queued = len(one.pending) > 0
		return !one.queued
	})
	for key, one := range l.byKey {
		if len(one.pending) == 0 && one.running == "" {
			delete(l.byKey, key)
		}
	}
}

// waiting reports whether next would return something.
func (l *lanes) waiting() bool { return len(l.turn) > 0 }

// next takes the first entry of the lane whose turn it is.
func (l *lanes) next() hostnet.Pending {
	one := l.turn[0]
	l.turn = l.turn[1:]
	p := one.pending[0]
	one.pending, one.queued, one.running = one.pending[1:], false, p.Name
	return p
}

// end says that work on an entry from next has ended; stop keeps its lane from
// having another turn, and left the entry from coming up again.
func (l *lanes) end(p hostnet.Pending, stop, left bool) {
	one := l.byKey[keyOf(p)]
	one.running, one.stopped = "", stop
	if left {
		l.left[p.Name] = true
	}
	l.enqueue(one)
}

// enqueue gives a lane its turn after all others, if it may have one.
func (l *lanes) enqueue(one *lane) {
	if one.queued || one.stopped || one.running != "" || len(one.pending) == 0 {
		return
	}
	one.queued = true
	l.turn = append(l.turn, one)
}
