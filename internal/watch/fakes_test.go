package watch

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

var (
	errOverrun = errors.New("overrun")
	errBroken  = errors.New("broken")
)

// fakeBus says what the test says.
type fakeBus struct {
	mu     sync.Mutex
	events chan hostnet.BusEvent
	asked  []int
}

func (b *fakeBus) Events() <-chan hostnet.BusEvent { return b.events }

func (b *fakeBus) Refresh(index int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, index)
}

// takeAsked returns the links that were asked about since the last call.
func (b *fakeBus) takeAsked() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.asked
	b.asked = nil
	return asked
}

type fakeFiles struct {
	mu      sync.Mutex
	changed chan int
	admin   map[int]string
	lease   map[int]string
	looked  int
}

func (f *fakeFiles) Changed() <-chan int { return f.changed }

func (f *fakeFiles) AdministrativeState(index int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.admin[index]
}

// Lease has the test's word for a signature, and for the address if it is one.
func (f *fakeFiles) Lease(index int) hostnet.LeaseMark {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked++
	mark := hostnet.LeaseMark{Signature: f.lease[index]}
	if _, err := netip.ParsePrefix(f.lease[index]); err == nil {
		mark.Address = f.lease[index]
	}
	return mark
}

// takeLooked returns how many leases were looked at since the last call.
func (f *fakeFiles) takeLooked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.looked
	f.looked = 0
	return n
}

func (f *fakeFiles) set(kind map[int]string, index int, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind[index] = value
}

// fakeSink takes only events that the spool's reader would take.
type fakeSink struct {
	t   *testing.T
	mu  sync.Mutex
	seq uint64
	got []hostnet.Event
	err error
	// writes bounds what is still written, here and by the fakeRecords.
	writes *writes
}

// writes is how many writes are left to a process that is killed after them. It
// notices nothing itself: whatever it does later has no effect.
type writes struct {
	mu   sync.Mutex
	left int
	over bool
}

// one is false once the process is dead; nil writes never end.
func (w *writes) one() bool {
	if w == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = w.over || w.left == 0
	w.left--
	return !w.over
}

func (s *fakeSink) Number(ev hostnet.Event) hostnet.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	ev.Seq, ev.ID = s.seq, fmt.Sprintf("id-%d", s.seq)
	return ev
}

func (s *fakeSink) Put(ev hostnet.Event) (hostnet.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return ev, s.err
	}
	assert.NoError(s.t, ev.Validate(), "%+v", ev)
	if s.writes.one() {
		s.got = append(s.got, ev)
	}
	return ev, nil
}

func (s *fakeSink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *fakeSink) take() []hostnet.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// fakeRecords keeps copies, as files would.
type fakeRecords struct {
	mu    sync.Mutex
	saved map[int]Record
	err   error

	writes *writes
}

func (r *fakeRecords) Save(rec Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	if !r.writes.one() {
		return nil
	}
	rec.States = maps.Clone(rec.States)
	rec.Telling = slices.Clone(rec.Telling)
	r.saved[rec.Index] = rec
	return nil
}

func (r *fakeRecords) Remove(index int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes.one() {
		delete(r.saved, index)
	}
	return nil
}

func (r *fakeRecords) all() map[int]Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.saved)
}
