package reconcile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// removeRule takes one of eth1's rules away, as somebody else does.
func (b *bench) removeRule(priority uint32) bool {
	for i, r := range b.kernel.rules {
		if r.Priority == priority && r.Protocol == hostnet.Protocol {
			b.kernel.rules = append(b.kernel.rules[:i:i], b.kernel.rules[i+1:]...)
			b.lost = r
			return true
		}
	}
	return false
}

// fight lets somebody remove a rule every interval, for a time, and returns how
// often it was put back. Passes are made as rules-pending is served: after each
// removal, and when something held back is due.
func (b *bench) fight(interval, length time.Duration) (additions int) {
	end := b.now.Add(length)
	for b.now.Before(end) {
		b.now = b.now.Add(interval)
		if b.removeRule(30002) {
			additions++
		}
		r := b.run()
		if !r.RetryAt.IsZero() {
			require.True(b.t, r.RetryAt.After(b.now))
			if r.RetryAt.Sub(b.now) > interval {
				b.now = r.RetryAt
				b.run()
			}
		}
	}
	return additions
}

func TestContentionBacksOff(t *testing.T) {
	b := newBench(t)
	b.run()
	inFirst := b.fight(10*time.Millisecond, 10*time.Second)
	assert.LessOrEqual(t, inFirst, 22, "in ten seconds, of a thousand removals")
	assert.GreaterOrEqual(t, inFirst, 16, "nobody gives up early")
	b.fight(10*time.Millisecond, 5*time.Minute)
	assert.LessOrEqual(t, b.fight(10*time.Millisecond, 10*time.Minute), 11, "once a minute in the end")
	e := b.ledger.saved[3]
	assert.Equal(t, []string{"192.0.2.20/32"}, e.Contended)
	require.Len(t, e.Losses, 1)
	assert.False(t, e.Losses[0].Since.IsZero())

	// The other rules of the link are there all the same.
	assert.Contains(t, b.kernel.text(true), "30001: from all lookup main suppress_prefixlength 0")

	// Whoever it was has stopped.
	b.now = b.now.Add(maxHold)
	b.run()
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	b.now = b.now.Add(slowly + time.Second)
	b.run()
	assert.Empty(t, b.ledger.saved[3].Losses)
	assert.False(t, b.run().Partial())
}

// TestContentionForMain is for the rule that the links share, which is no link's.
func TestContentionForMain(t *testing.T) {
	b := newBench(t)
	r := b.run()
	for r.RetryAt.IsZero() {
		b.now = b.now.Add(10 * time.Millisecond)
		require.True(t, b.removeRule(30001))
		r = b.run()
	}
	assert.True(t, r.Partial())
	assert.Equal(t, []string{"lookup main of 0.0.0.0/0"}, b.ledger.saved[0].Contended)
}

// TestContentionThoughClockGoesBack: what is held back is due a minute later at most,
// whatever the time is by then, and the contention ends as any other.
func TestContentionThoughClockGoesBack(t *testing.T) {
	for _, back := range []time.Duration{10 * time.Second, 24 * time.Hour, 56 * 365 * 24 * time.Hour} {
		t.Run(back.String(), func(t *testing.T) {
			b := newBench(t)
			b.run()
			b.fight(10*time.Millisecond, 5*time.Minute)
			require.True(t, b.removeRule(30002))
			require.False(t, b.run().RetryAt.IsZero(), "held back")
			b.now = b.now.Add(-back)
			if r := b.run(); !r.RetryAt.IsZero() {
				require.LessOrEqual(t, r.RetryAt.Sub(b.now), back+maxHold)
				require.LessOrEqual(t, r.RetryAt.Sub(b.now), 2*maxHold)
				b.now = r.RetryAt
				b.run()
			}
			assert.Equal(t, eth1Text(), b.kernel.text(true))
			b.now = b.now.Add(2 * slowly)
			b.run()
			assert.Empty(t, b.ledger.saved[3].Losses)
		})
	}
}

// TestContentionThoughClockGoesAhead: somebody who goes on is held back again, and
// what is held back is not for longer than it was to be.
func TestContentionThoughClockGoesAhead(t *testing.T) {
	b := newBench(t)
	b.run()
	b.fight(10*time.Millisecond, 5*time.Minute)
	b.removeRule(30002)
	b.now = b.now.Add(365 * 24 * time.Hour)
	b.run()
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	assert.LessOrEqual(t, b.fight(10*time.Millisecond, 10*time.Second), 22)
}

// TestSlowContention is about somebody who looks every five seconds.
func TestSlowContention(t *testing.T) {
	b := newBench(t)
	b.run()
	assert.GreaterOrEqual(t, b.fight(5*time.Second, 2*time.Minute), 20, "at first it is put back at once")
	b.fight(5*time.Second, time.Hour)
	assert.LessOrEqual(t, b.fight(5*time.Second, 10*time.Minute), 12)
	assert.NotEmpty(t, b.ledger.saved[3].Contended)
}

// TestHealingIsNoContention is about a networkd that is reconfigured again and
// again, by somebody who tries it out.
func TestHealingIsNoContention(t *testing.T) {
	b := newBench(t)
	b.run()
	for range 20 {
		b.now = b.now.Add(3 * time.Second)
		b.kernel.rules = nil
		r := b.run()
		assert.Zero(t, r.RetryAt)
		assert.Equal(t, eth1Text(), b.kernel.text(true))
	}
	assert.Empty(t, b.ledger.saved[3].Contended)
}

func TestByHandHoldsNothingBack(t *testing.T) {
	b := newBench(t)
	b.run()
	b.fight(10*time.Millisecond, 20*time.Second)
	b.removeRule(30002)
	require.NotEqual(t, eth1Text(), b.kernel.text(true))
	b.run(byHand)
	assert.Equal(t, eth1Text(), b.kernel.text(true))
}

func TestRoutesThatWentWithTheCarrierWereNotTaken(t *testing.T) {
	b := newBench(t)
	b.run()
	for i := range 40 { // a link that flaps
		b.kernel.routes = nil
		l := b.kernel.links[3]
		l.Link.CarrierChanges += uint32(2 * (i + 1))
		b.kernel.links[3] = l
		b.now = b.now.Add(10 * time.Millisecond)
		b.run()
		assert.Equal(t, eth1Text(), b.kernel.text(true))
	}
	assert.Empty(t, b.ledger.saved[3].Losses)
}

// TestManyLossesAreOne keeps the ledger small when 10,000 addresses lose theirs.
func TestManyLossesAreOne(t *testing.T) {
	b := newBench(t)
	facts := b.kernel.links[3]
	for i := range 200 {
		facts.Addrs = append(facts.Addrs, hostnet.Addr{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 32)})
	}
	b.kernel.links[3] = facts
	b.run()
	for range 20 {
		b.now = b.now.Add(10 * time.Millisecond)
		b.kernel.rules = nil
		b.run()
	}
	assert.Equal(t, []string{allOfLink}, b.ledger.saved[3].Contended)
	assert.LessOrEqual(t, len(b.ledger.saved[3].Losses), 2)
}

func TestHoldFor(t *testing.T) {
	for score, want := range map[int]time.Duration{
		0: 0, patience: 0, patience + 1: time.Second, patience + 1 + quickWeight: 2 * time.Second,
		patience + 1 + 5*quickWeight: 32 * time.Second, maxScore: maxHold,
	} {
		assert.Equal(t, want, holdFor(score), score)
	}
}

func TestLossesAreForgotten(t *testing.T) {
	b := newBench(t)
	b.run()
	b.now = b.now.Add(time.Hour)
	b.removeRule(30002)
	b.run()
	assert.Equal(t, []report.Loss{{Object: "192.0.2.20/32", Count: 1, Since: b.now, Added: b.now, Score: 1}}, b.ledger.saved[3].Losses)
	b.now = b.now.Add(slowly)
	b.run()
	assert.Empty(t, b.ledger.saved[3].Losses)
}

// TestContentionEndsWithItsObject: what is wanted no more, or is there again without
// a pass that put it there, is nobody's to fight for.
func TestContentionEndsWithItsObject(t *testing.T) {
	for name, end := range map[string]func(b *bench){
		"another address": func(b *bench) { b.kernel.link(3, "eth1", "192.0.2.1", "192.0.2.21/24") },
		"it is put back":  func(b *bench) { b.kernel.rules = append(b.kernel.rules, b.lost) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.run()
			b.fight(10*time.Millisecond, 20*time.Second)
			b.removeRule(30002)
			require.False(t, b.run().RetryAt.IsZero(), "held back")
			require.NotEmpty(t, b.ledger.saved[3].Contended)
			end(b)
			b.run()
			b.now = b.now.Add(maxHold)
			b.run()
			b.now = b.now.Add(slowly)
			assert.False(t, b.run().Partial())
			assert.Empty(t, b.ledger.saved[3].Losses)
		})
	}
}
