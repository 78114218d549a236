package api

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// idle tells when there has been no connection for a while.
type idle struct {
	after time.Duration
	over  chan struct{} // closed then

	mu    sync.Mutex // guards all below
	open  int
	timer *time.Timer
	empty chan struct{} // closed once nothing is open; nil before anybody asked
}

// newIdle starts the clock; one that is told to wait no time never ends.
func newIdle(after time.Duration) *idle {
	i := &idle{after: after, over: make(chan struct{})}
	if after > 0 {
		i.timer = time.AfterFunc(after, i.expire)
	}
	return i
}

// watch is a http.Server's ConnState: it counts connections. Not requests: who
// keeps a connection means to ask again.
func (i *idle) watch(_ net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch state {
	case http.StateNew:
		i.open++
	case http.StateClosed, http.StateHijacked:
		i.open--
	}
	switch {
	case i.open > 0:
	case i.empty != nil:
		i.closeEmpty()
	case i.timer != nil:
		i.timer.Reset(i.after)
	}
}

// drained is closed when no connection is open, now or later.
func (i *idle) drained() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.empty = make(chan struct{})
	if i.open == 0 {
		i.closeEmpty()
	}
	return i.empty
}

func (i *idle) closeEmpty() {
	select {
	case <-i.empty:
	default:
		close(i.empty)
	}
}

func (i *idle) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.open > 0 { // one came while the timer ran out
		return
	}
	select {
	case <-i.over:
	default:
		close(i.over)
	}
}
