package watch

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func only(names ...string) func(*Options) {
	return func(o *Options) { o.Match = func(name string) bool { return slices.Contains(names, name) } }
}

func TestReload(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.files.lease[7] = "lease"
		b.kernel.set(linkUp(7, "eth7"), b.kernel.addr(7, "192.0.2.7/24"), b.kernel.route(7, "10.0.0.0/8"))
		only("eth0")(&b.options)
		followed(b)
		b.change(7, "routable", "configured")
		b.change(7, "degraded")
		assert.Empty(t, b.settle())
		assert.Contains(t, b.status, "Following 1 of 3 links")

		// A link that counts from now on is told of as at a start.
		b.w.Reload(only("eth0", "eth7"))
		told := []string{
			"links 7:eth7 added", "state 7:eth7 >degraded", "state 7:eth7 >configured",
			"addresses 7:eth7 added", "routes 7:eth7 added", "leases 7:eth7 added",
		}
		assert.Equal(t, told, b.settle())
		assert.Contains(t, b.records.all(), 7)
		assert.Contains(t, b.status, "Following 2 of 3 links")
		b.change(7, "carrier")
		assert.Equal(t, []string{"state 7:eth7 degraded>carrier"}, b.settle())

		// The same again is no news.
		b.w.Reload(only("eth0", "eth7"))
		assert.Empty(t, b.settle())

		// One that counts no more is not told of, and not remembered.
		b.w.Reload(only("eth0"))
		assert.Empty(t, b.settle())
		assert.NotContains(t, b.records.all(), 7)
		b.change(7, "degraded")
		assert.Empty(t, b.settle())
		b.w.Reload(only("eth0", "eth7"))
		assert.Equal(t, told, b.settle())
		b.stop()

		// And a start after that finds nothing new.
		only("eth0", "eth7")(&b.options)
		b.start()
		b.up(states("routable"), map[int]hostnet.States{2: states("routable", "configured"), 7: states("degraded", "configured")})
		assert.Empty(t, b.settle())
		b.stop()
	})
}

func TestReloadBeforeTheFirstPass(t *testing.T) {
	inHarness(t, func(b *harness) {
		only("eth0")(&b.options)
		b.kernel.set(linkUp(2, "eth0"), linkUp(7, "eth7"))
		b.start()
		b.w.Reload(only("eth7"))
		assert.Empty(t, b.now())
		b.tell(hostnet.BusEvent{Down: "no bus"})
		assert.Equal(t, []string{"links 7:eth7 added", "state 7:eth7 >carrier"}, b.settle())
		b.stop()
	})
}

func TestReloadTellsWhatItCannotDo(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.w.Reload(func(o *Options) { o.Notice = "needs a restart for Generator kernel" })
		b.settle()
		assert.Regexp(t, `^Following .*; needs a restart for Generator kernel$`, b.status)
		b.w.Reload(func(o *Options) { o.Notice = "" })
		b.settle()
		assert.NotContains(t, b.status, "restart")
		b.stop()
	})
}

// TestReloadDoesNotWait: whoever has ended makes no change any more.
func TestReloadDoesNotWait(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.stop()
		for range 3 {
			b.w.Reload(only("eth7"))
		}
	})
}
