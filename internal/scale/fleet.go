package scale

import (
	"math/rand/v2"
	"time"
)

// slot is how far apart two events may be and still count as simultaneous.
const slot = 20 * time.Millisecond

// Fleet is what is simulated.
type Fleet struct {
	Shipped
	Asking
	Service
	Instances int
	// Boot is within what time all instances boot, each at any moment of it with
	// equal chance.
	Boot time.Duration
	// Settled begins with a fleet that booted long ago.
	Settled bool
	// Cloned gives all instances one machine-id, and so one delay.
	Cloned bool
	Until  time.Duration
	Seed   uint64
}

// member is one instance.
type member struct {
	delay    time.Duration // that it adds to every wait
	deadline time.Duration // of the sync that goes on, for its doors
	doors    int8          // that are not answered yet
	rest     int16         // of the sync's other requests, the same
	failed   bool          // a door, for good
	booted   bool          // had a sync in this boot
	told     bool          // had one that was answered
}

// event is something that a member does: it begins a sync, or asks.
type event struct {
	at     time.Duration
	member int32
	count  int16 // of requests; 0 begins a sync
	tries  uint8 // that these requests had
	door   bool
}

// simulation is one run. What a member draws does not depend on a clock, so the same
// seed gives the same run.
type simulation struct {
	Fleet
	random  *rand.Rand
	members []member
	slots   [][]event // from the present one on, as a ring
	now     int       // the present slot's number
	tally   Tally
}

// Simulate runs a fleet.
func (f Fleet) Simulate() Tally {
	seconds := int(f.Until/time.Second) + 1
	longest := max(f.Interval+f.Delay+f.Accuracy, f.Restart, f.Boot) + time.Minute
	s := &simulation{
		Fleet: f, random: rand.New(rand.NewPCG(f.Seed, 0)), members: make([]member, f.Instances),
		slots: make([][]event, longest/slot+1),
		tally: Tally{Asked: make([]int, seconds), Answered: make([]int, seconds), Told: make([]int, seconds)},
	}
	cloned := s.within(f.Delay)
	for i := range s.members {
		m := &s.members[i]
		if m.delay = s.within(f.Delay); f.Cloned {
			m.delay = cloned
		}
		first := s.within(f.Boot)
		if f.Settled {
			m.booted, m.told = true, true
			first = s.within(f.Interval + m.delay)
		}
		s.add(event{at: first, member: int32(i)})
	}
	for ; time.Duration(s.now)*slot < f.Until; s.now++ {
		at := s.now % len(s.slots)
		// What an event leads to at once comes into the same slot.
		for i := 0; i < len(s.slots[at]); i++ {
			s.happen(s.slots[at][i])
		}
		s.slots[at] = s.slots[at][:0]
	}
	return s.tally
}

// within returns a duration below n.
func (s *simulation) within(n time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	return time.Duration(s.random.Int64N(int64(n)))
}

// add has something happen, not before now.
func (s *simulation) add(e event) {
	at := max(int(e.at/slot), s.now) % len(s.slots)
	s.slots[at] = append(s.slots[at], e)
}

func (s *simulation) happen(e event) {
	if e.at >= s.Until {
		return
	}
	m := &s.members[e.member]
	if e.count == 0 {
		s.begin(m, e)
		return
	}
	left := int(e.count) - s.answer(&s.tally, e.at, int(e.count))
	if e.door {
		m.doors -= int8(int(e.count) - left)
	} else {
		m.rest -= int16(int(e.count) - left)
	}
	for range left {
		s.again(m, e)
	}
	s.proceed(m, e)
}

// begin starts a sync: the doors are tried.
func (s *simulation) begin(m *member, e event) {
	limit := s.Asking.Any
	if !m.booted {
		limit = s.Asking.First
	}
	m.booted, m.failed = true, false
	m.deadline = e.at + limit
	m.doors, m.rest = int8(s.Doors), int16(s.Requests-s.Doors)
	s.happen(event{at: e.at, member: e.member, count: int16(s.Doors), door: true})
}

// again has one request asked once more after a wait, or gives it up: as
// internal/cloud's client does, which does not wait past the end.
func (s *simulation) again(m *member, e event) {
	wait := s.Times.Wait(int(e.tries), s.within)
	switch {
	case int(e.tries)+1 < s.Times.Tries && e.at+wait <= m.deadline:
		s.add(event{at: e.at + wait, member: e.member, count: 1, tries: e.tries + 1, door: e.door})
	case e.door:
		m.doors--
		m.failed = true
	default:
		m.rest-- // a fact, or a NIC, that is not known this time
	}
}

// proceed goes on after requests have ended.
func (s *simulation) proceed(m *member, e event) {
	switch {
	case m.doors > 0:
	case m.failed:
		s.tally.Failed++
		s.add(event{at: e.at + s.Restart, member: e.member})
	case e.door && m.rest > 0:
		s.happen(event{at: e.at, member: e.member, count: m.rest})
	case m.rest == 0:
		if !m.told {
			m.told = true
			s.tally.Told[int(e.at/time.Second)]++
		}
		s.add(event{at: e.at + s.Interval + s.delay(m), member: e.member})
	}
}

// delay is what a member and systemd add to a wait.
func (s *simulation) delay(m *member) time.Duration {
	added := m.delay
	if !s.Fixed {
		added = s.within(s.Delay)
	}
	return added + s.within(s.Accuracy)
}
