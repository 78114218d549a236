package scale

import "time"

// Service is how a metadata service that many instances share answers. The zero
// value answers everything.
type Service struct {
	// Down and Up are from when to when it answers nothing but 503.
	Down, Up time.Duration
	// Capacity is how many requests it answers in a second; it refuses the rest
	// with 503. 0 is no bound.
	Capacity int
}

// Tally is what was asked in each second.
type Tally struct {
	Asked, Answered []int
	// Told is how many instances had their first whole answer in each second.
	Told []int
	// Failed are the syncs that ended without.
	Failed int
}

// answer takes n requests at a time and returns how many of them are answered.
func (s Service) answer(t *Tally, at time.Duration, n int) int {
	second := int(at / time.Second)
	t.Asked[second] += n
	if at >= s.Down && at < s.Up {
		return 0
	}
	if s.Capacity > 0 {
		n = min(n, s.Capacity-t.Answered[second])
	}
	t.Answered[second] += n
	return n
}

// Worst is the second of a span in which most was asked, and how much.
func (t Tally) Worst(from, to time.Duration) (second, asked int) {
	for s := int(from / time.Second); s < int(to/time.Second); s++ {
		if t.Asked[s] > asked {
			second, asked = s, t.Asked[s]
		}
	}
	return second, asked
}

// Mean is what was asked in a second of a span.
func (t Tally) Mean(from, to time.Duration) float64 {
	sum := 0
	for _, n := range t.Asked[int(from/time.Second):int(to/time.Second)] {
		sum += n
	}
	return float64(sum) / (to - from).Seconds()
}

// AllTold is the second in which the last instance had its first answer; -1 where
// some have none.
func (t Tally) AllTold(instances int) int {
	for second, n := range t.Told {
		if instances -= n; instances == 0 {
			return second
		}
	}
	return -1
}
