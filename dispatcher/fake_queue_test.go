package dispatcher

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// fakeQueue is a spool in memory. It is strict: what the spool would never be
// asked is reported as an error of the test.
type fakeQueue struct {
	t  *testing.T
	mu sync.Mutex

	entries map[string]hostnet.Event
	added   bool          // since the last List began
	wake    chan struct{} // closed and replaced with every entry
	lists   int
	done    map[string]bool
	waiting bool
	slow    time.Duration // that List takes

	listErr, waitErr error
	readErr, doneErr map[string]error
}

func newFakeQueue(t *testing.T, events ...hostnet.Event) *fakeQueue {
	q := &fakeQueue{
		t: t, entries: make(map[string]hostnet.Event), done: make(map[string]bool), wake: make(chan struct{}),
	}
	for _, e := range events {
		q.add(e)
	}
	return q
}

func nameOf(e hostnet.Event) string { return fmt.Sprintf("%d-%s-%d", e.Seq, e.Kind, e.Index) }

func (q *fakeQueue) add(e hostnet.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, there := q.entries[nameOf(e)]; there {
		q.t.Errorf("%q added twice", nameOf(e))
	}
	q.entries[nameOf(e)] = e
	q.added = true
	close(q.wake)
	q.wake = make(chan struct{})
}

// merge takes an entry away, as the watcher does with one that it merges.
func (q *fakeQueue) merge(e hostnet.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	assert.Contains(q.t, q.entries, nameOf(e))
	delete(q.entries, nameOf(e))
}

func (q *fakeQueue) List() ([]hostnet.Pending, error) {
	<-time.After(q.slow)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lists++
	q.added = false
	if q.listErr != nil {
		return nil, q.listErr
	}
	var pending []hostnet.Pending
	for name, e := range q.entries {
		pending = append(pending, hostnet.Pending{Name: name, Seq: e.Seq, Kind: e.Kind, Index: e.Index})
	}
	slices.SortFunc(pending, func(a, b hostnet.Pending) int { return int(a.Seq) - int(b.Seq) })
	return pending, nil
}

func (q *fakeQueue) Read(p hostnet.Pending) (hostnet.Event, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.readErr[p.Name]; err != nil {
		return hostnet.Event{}, err
	}
	e, ok := q.entries[p.Name]
	if !ok {
		return hostnet.Event{}, fs.ErrNotExist
	}
	return e, nil
}

func (q *fakeQueue) Done(name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done[name] {
		q.t.Errorf("%q removed twice", name)
	}
	q.done[name] = true
	if err := q.doneErr[name]; err != nil {
		return err
	}
	delete(q.entries, name)
	return nil
}

func (q *fakeQueue) Wait(ctx context.Context, quiet time.Duration) (bool, error) {
	q.mu.Lock()
	assert.False(q.t, q.waiting, "Wait beside Wait")
	added, wake, err := q.added, q.wake, q.waitErr
	q.waiting = true
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.waiting = false
		q.mu.Unlock()
	}()
	if added || err != nil {
		return added, err
	}
	select {
	case <-wake:
		return true, nil
	case <-time.After(quiet):
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (q *fakeQueue) left() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var names []string
	for name := range q.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
