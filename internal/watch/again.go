package watch

import "time"

// again is a series of times at which something is done once more about a link.
// One timer serves all links.
type again struct {
	after []time.Duration // since the start
	due   map[int]turn
	timer *time.Timer
}

// turn is where a link is in the series.
type turn struct {
	began time.Time
	done  int
}

func newAgain(after ...time.Duration) again {
	return again{after: after, due: map[int]turn{}, timer: stoppedTimer()}
}

// start begins the series for a link, or begins it anew.
func (a *again) start(index int) {
	a.due[index] = turn{began: time.Now()}
	a.plan()
}

// stop ends the series for a link.
func (a *again) stop(index int) { delete(a.due, index) }

func (a *again) running(index int) bool {
	_, ok := a.due[index]
	return ok
}

// at is when the next turn of a series is.
func (a *again) at(t turn) time.Time { return t.began.Add(a.after[t.done]) }

// plan sets the timer for the first turn of all.
func (a *again) plan() {
	var next time.Time
	for _, t := range a.due {
		if at := a.at(t); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if next.IsZero() {
		a.timer.Stop()
		return
	}
	a.timer.Reset(time.Until(next))
}

// turns calls do for the links whose turn it is when the timer fired. A series
// ends with its last turn.
func (a *again) turns(do func(index int, last bool)) {
	now := time.Now()
	for index, t := range a.due {
		if a.at(t).After(now) {
			continue
		}
		t.done++
		last := t.done == len(a.after)
		if last {
			delete(a.due, index)
		} else {
			a.due[index] = t
		}
		do(index, last)
	}
	a.plan()
}
