package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestNetworkdGoesAndComes(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.tell(hostnet.BusEvent{Down: "systemd-networkd is not on the bus"})
		assert.Empty(t, b.settle(), "the kernel says the same")
		assert.Contains(t, b.status, "states from the kernel (systemd-networkd is not on the bus)")

		b.change(2, "degraded")
		assert.Empty(t, b.settle(), "nothing counts from a bus that is down")
		b.kernel.say(linkCut(2, "eth0"))
		assert.Equal(t, []string{"state 2:eth0 routable>no-carrier"}, b.settle())
		b.files.set(b.files.admin, 2, "configuring")
		b.files.changed <- 0
		assert.Equal(t, []string{"state 2:eth0 configured>configuring"}, b.settle())
		b.kernel.say(linkUp(2, "eth0"))
		assert.Equal(t, []string{"state 2:eth0 no-carrier>routable"}, b.settle())

		b.up(states("degraded"), map[int]hostnet.States{2: states("degraded", "configured")})
		assert.Equal(t, []string{"state 2:eth0 routable>degraded", "state 2:eth0 configuring>configured", "manager routable>degraded"}, b.settle())
		assert.Contains(t, b.status, "states from systemd-networkd;")
		b.stop()
	})
}

func TestWithoutNetworkd(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.options.Networkd = false
		b.kernel.set(linkUp(2, "eth0"))
		b.files.admin[2] = "configured"
		b.start()
		assert.Equal(t, []string{"links 2:eth0 added", "state 2:eth0 >carrier"}, b.now())
		assert.Equal(t, 1, b.counted(&b.ready))
		b.stop()
	})
}

func TestNewLinkWaitsForNetworkd(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(linkUp(7, "eth7"))
		assert.Equal(t, []string{"links 7:eth7 added"}, b.settle())
		assert.Equal(t, []int{7}, b.bus.takeAsked())
		b.change(7, "initialized")
		assert.Empty(t, b.now())
		assert.Equal(t, []int{7}, b.bus.takeAsked(), "a part of the answer is none")
		b.change(7, "carrier", "configuring")
		assert.Equal(t, []string{"state 7:eth7 >carrier", "state 7:eth7 initialized>configuring"}, b.now())

		// networkd's file of the link may be there before its signals are.
		b.files.set(b.files.admin, 8, "configured")
		b.kernel.say(linkUp(8, "eth8"))
		b.unknown(8)
		assert.Equal(t, []string{"links 8:eth8 added"}, b.settle())
		b.unknown(8)
		pass(time.Minute)
		assert.Equal(t, []int{8, 8, 8, 8, 8}, b.bus.takeAsked(), "it is asked again, and not for ever")
		assert.Equal(t, []string{"state 8:eth8 >carrier"}, b.now())
		b.kernel.say(linkCut(8, "eth8"))
		assert.Equal(t, []string{"state 8:eth8 carrier>no-carrier"}, b.now())
		b.change(8, "off", "configured")
		assert.Equal(t, []string{"state 8:eth8 no-carrier>off", "state 8:eth8 >configured"}, b.now())
		b.stop()
	})
}

// TestNewLinkOfABusyNetworkd has networkd read the kernel's messages after us: what
// it signals then is no news of the kernel's, but what it told in the first place.
func TestNewLinkOfABusyNetworkd(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(linkOff(7, "eth7"))
		b.unknown(7)
		b.kernel.say(linkCut(7, "eth7"))
		b.kernel.say(linkUp(7, "eth7"))
		assert.Equal(t, []string{"links 7:eth7 added"}, b.now())
		b.change(7, "off", "pending")
		b.change(7, "no-carrier")
		b.change(7, "carrier")
		assert.Equal(t, []string{"state 7:eth7 >off", "state 7:eth7 off>no-carrier", "state 7:eth7 no-carrier>carrier"}, b.now())
		b.bus.takeAsked()
		pass(time.Minute)
		assert.Empty(t, b.bus.takeAsked(), "it knows the link")
		assert.Empty(t, b.now())

		// A bus that goes down meanwhile leaves the kernel to be asked.
		b.kernel.say(linkUp(8, "eth8"))
		b.unknown(8)
		b.now()
		b.bus.takeAsked()
		b.tell(hostnet.BusEvent{Down: "no bus"})
		assert.Equal(t, []string{"state 8:eth8 >carrier"}, b.now())
		pass(time.Minute)
		assert.NotContains(t, b.bus.takeAsked(), 8)

		// And a link that is gone is asked about no more.
		b.up(states("routable"), map[int]hostnet.States{2: states("routable"), 7: states("carrier"), 8: states("carrier")})
		b.kernel.say(linkUp(9, "eth9"))
		b.unknown(9)
		b.kernel.say(gone(linkUp(9, "eth9")))
		b.settle()
		b.bus.takeAsked()
		pass(time.Minute)
		assert.Empty(t, b.bus.takeAsked())
		b.stop()
	})
}

func TestDoubt(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(linkCut(2, "eth0"))
		pass(doubtAfter - time.Second)
		assert.Empty(t, b.now())
		assert.Empty(t, b.bus.takeAsked())
		pass(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []int{2}, b.bus.takeAsked())
		b.change(2, "routable", "configured") // it insists
		pass(10 * doubtAfter)
		assert.Empty(t, b.now())
		assert.Empty(t, b.bus.takeAsked(), "it is not asked again")

		// Networkd that follows in time is not asked.
		b.kernel.say(linkUp(2, "eth0"))
		b.kernel.say(linkOff(2, "eth0"))
		b.change(2, "off")
		pass(10 * doubtAfter)
		assert.Empty(t, b.bus.takeAsked())
		b.stop()
	})
}

// TestDoubtOfALinkThatIsToldOf: messages about a link, as a router's advertisements
// bring them, do not put the question off.
func TestDoubtOfALinkThatIsToldOf(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(linkCut(2, "eth0"))
		for range 2 * int(doubtAfter/time.Second) {
			b.kernel.repeat(linkCut(2, "eth0"))
			pass(time.Second)
		}
		assert.Equal(t, []int{2}, b.bus.takeAsked())
		b.stop()
	})
}

// TestDoubtAnew: who was right once about a link may hang the next time.
func TestDoubtAnew(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		for range 2 {
			b.kernel.say(linkCut(2, "eth0"))
			pass(2 * doubtAfter)
			assert.Equal(t, []int{2}, b.bus.takeAsked())
			b.kernel.say(linkUp(2, "eth0"))
			pass(2 * doubtAfter)
			assert.Empty(t, b.bus.takeAsked())
		}
		b.stop()
	})
}
