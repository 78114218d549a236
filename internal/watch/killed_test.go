package watch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestKilledAtEveryWrite kills the watcher after each of its writes in turn, with
// its events handled at once or only later. Until the next one starts what had
// happened is undone. What scripts were told by then, of links, states and
// addresses, must be what is.
func TestKilledAtEveryWrite(t *testing.T) {
	for _, handled := range []bool{true, false} {
		kills := 0
		for over := true; over; kills++ {
			t.Run(fmt.Sprintf("handled %t, after %d writes", handled, kills), func(t *testing.T) {
				inHarness(t, func(b *harness) { over = killedAfter(b, kills, handled) })
			})
		}
		assert.Greater(t, kills, 20, "each event is two writes at least")
	}
}

// killedAfter reports whether the watcher was killed at all.
func killedAfter(b *harness, left int, handled bool) bool {
	followed(b)
	life := &writes{left: left}
	b.sink.writes, b.records.writes = life, life
	extra := b.kernel.addr(2, "192.0.2.9/24")
	b.kernel.say(linkUp(7, "eth7"), b.kernel.addr(7, "198.51.100.7/24"))
	b.change(7, "routable", "configuring")
	b.kernel.say(linkUp(7, "lan7"), linkCut(2, "eth0"), extra)
	b.change(2, "no-carrier")
	pass(settleMost)
	told := b.sink.take()
	b.stop()

	b.sink.writes, b.records.writes = nil, nil
	if !handled {
		b.pending = told
	}
	b.kernel.set(gone(linkUp(7, "lan7")), gone(b.kernel.addr(7, "198.51.100.7/24")), linkUp(2, "eth0"), gone(extra))
	b.start()
	b.up(states("routable"), map[int]hostnet.States{2: states("routable", "configured")})
	pass(settleMost)
	again := b.sink.take()
	b.stop()

	b.assertKnown(told, again)
	b.pending = nil
	b.start()
	b.up(states("routable"), map[int]hostnet.States{2: states("routable", "configured")})
	assert.Empty(b.t, b.settle(), "nothing is left to tell")
	b.stop()
	return life.over
}

// assertKnown checks what somebody knows who heard of these events, in this order.
func (b *harness) assertKnown(before, after []hostnet.Event) {
	b.t.Helper()
	state, present, looked := "routable", false, 0
	ids := map[string]int{}
	for i, ev := range append(before, after...) {
		ids[ev.ID]++
		switch {
		case ev.Index == 7 && ev.Kind == hostnet.KindLinks:
			present = ev.Action != hostnet.ActionRemoved
		case ev.Index == 2 && ev.Property == hostnet.OperationalState:
			if ids[ev.ID] == 1 {
				require.Equal(b.t, state, ev.Previous, "transitions follow on each other")
			}
			state = ev.State
		case ev.Index == 2 && ev.Kind == hostnet.KindAddresses:
			looked = i + 1
		}
	}
	assert.False(b.t, present, "the link is gone")
	assert.Equal(b.t, "routable", state)
	if looked > 0 {
		assert.Greater(b.t, looked, len(before), "whoever looked at the addresses looks again")
	}
	for id, n := range ids {
		assert.LessOrEqual(b.t, n, 2, "event %s is told once more at most", id)
	}
}

// TestNothingNewBeforeTheLists: what the kernel said before it was asked for lists
// is no news by then.
func TestNothingNewBeforeTheLists(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.options.Networkd = false
		b.kernel.set(linkUp(2, "eth0"))
		b.start()
		b.settle()
		b.stop()
		b.kernel.set(gone(linkUp(2, "eth0")))
		b.kernel.repeat(linkCut(2, "eth0"), gone(linkUp(2, "eth0")))
		b.start()
		assert.Equal(t, []string{"links 2:eth0 removed"}, b.settle())
		b.stop()
	})
}
