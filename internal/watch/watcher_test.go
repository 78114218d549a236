package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestTransitionsAreToldAtOnceAndInOrder(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(linkCut(2, "eth0"))
		for _, words := range []string{"carrier", "degraded", "routable", "routable", "configuring", "configured", "initialized", "configuring"} {
			b.change(2, words)
		}
		assert.Equal(t, []string{
			"state 2:eth0 routable>carrier", "state 2:eth0 carrier>degraded", "state 2:eth0 degraded>routable",
			"state 2:eth0 configured>configuring", "state 2:eth0 configuring>configured",
			"state 2:eth0 initialized>configuring",
		}, b.now())
		b.change(2, "degraded", "failed")
		b.change(0, "degraded")
		b.change(0, "degraded")
		b.change(99, "routable")
		assert.Equal(t, []string{"state 2:eth0 routable>degraded", "state 2:eth0 configuring>failed", "manager routable>degraded"}, b.now())
		b.stop()
	})
}

func TestLinksFilter(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.options.Match = func(name string) bool { return name == "eth0" || name == "wan0" }
		followed(b)
		b.kernel.say(linkUp(7, "tmp0"), b.kernel.addr(7, "192.0.2.7/24"))
		b.change(7, "routable", "configured")
		assert.Empty(t, b.settle())

		b.kernel.say(linkUp(7, "wan0"))
		assert.Equal(t, []string{
			"links 7:wan0 renamed tmp0", "state 7:wan0 >routable", "state 7:wan0 >configured", "addresses 7:wan0 added",
		}, b.settle())
		assert.Contains(t, b.records.all(), 7)

		b.kernel.say(linkUp(7, "tmp0"))
		assert.Equal(t, []string{"links 7:tmp0 renamed wan0"}, b.settle())
		assert.NotContains(t, b.records.all(), 7)
		b.change(7, "degraded")
		assert.Empty(t, b.settle())

		b.stop()
	})
}

func TestLinkVanishes(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(gone(linkUp(2, "eth0")))
		assert.Equal(t, []string{"links 2:eth0 removed"}, b.settle())
		assert.NotContains(t, b.records.all(), 2)
		b.kernel.repeat(gone(linkUp(2, "eth0")))
		b.change(2, "off")
		assert.Empty(t, b.settle())
		b.stop()
	})
}

func TestRunEndsWithTheSpoolAndTheKernel(t *testing.T) {
	t.Run("spool", func(t *testing.T) {
		inHarness(t, func(b *harness) {
			followed(b)
			before := b.records.all()
			b.sink.fail(errBroken)
			b.kernel.say(gone(linkUp(2, "eth0")))
			err := <-b.ended
			assert.ErrorIs(t, err, errBroken)
			assert.ErrorContains(t, err, "spooling event: ")
			assert.Equal(t, before, b.records.all(), "the next run finds the difference")
			b.sink.fail(nil)
			b.start()
			b.up(states("routable"), nil)
			assert.Equal(t, []string{"links 2:eth0 removed"}, b.settle())
			b.stop()
		})
	})
	t.Run("spool at the start", func(t *testing.T) {
		inHarness(t, func(b *harness) {
			b.kernel.set(linkUp(2, "eth0"))
			b.sink.fail(errBroken)
			b.start()
			b.tell(hostnet.BusEvent{Down: "no bus"})
			assert.ErrorIs(t, <-b.ended, errBroken)
			assert.Zero(t, b.counted(&b.ready), "who fails is not ready")
		})
	})
	t.Run("records", func(t *testing.T) {
		inHarness(t, func(b *harness) {
			followed(b)
			b.records.err = errBroken
			b.change(2, "degraded")
			assert.ErrorIs(t, <-b.ended, errBroken)
		})
	})
	t.Run("kernel", func(t *testing.T) {
		inHarness(t, func(b *harness) {
			followed(b)
			b.kernel.fail(errBroken)
			assert.ErrorIs(t, <-b.ended, errBroken)
		})
	})
	t.Run("dump", func(t *testing.T) {
		inHarness(t, func(b *harness) {
			b.kernel.dumpErr = errBroken
			b.start()
			assert.ErrorContains(t, <-b.ended, "listing links: broken")
		})
	})
}

func TestWatchdogTicks(t *testing.T) {
	for _, interval := range []time.Duration{0, 250 * time.Millisecond, 15 * time.Second} {
		inHarness(t, func(b *harness) {
			b.options.AliveInterval = interval
			b.start()
			pass(time.Minute + time.Millisecond)
			synctest.Wait()
			want := 0
			if interval > 0 {
				want = int(time.Minute / interval)
			}
			assert.Equal(t, want, b.counted(&b.alive), "interval %s", interval)
			b.stop()
		})
	}
}

// TestSilentStates: only where networkd-dispatcher's scripts are run are the
// states told that no hook can follow. "linger" is not: that a link is gone is
// an event already.
func TestSilentStates(t *testing.T) {
	for _, silent := range []bool{false, true} {
		inHarness(t, func(b *harness) {
			b.options.Silent = silent
			followed(b)
			for _, word := range []string{"pending", "initialized", "configuring", "configured", "linger"} {
				b.change(2, word)
			}
			want := []string{"state 2:eth0 initialized>configuring", "state 2:eth0 configuring>configured"}
			if silent {
				want = append([]string{"state 2:eth0 configured>pending", "state 2:eth0 pending>initialized"}, want...)
			}
			assert.Equal(t, want, b.now())
			b.stop()
		})
	}
}
