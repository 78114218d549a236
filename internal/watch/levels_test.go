package watch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestLevels(t *testing.T) {
	tests := []struct {
		name string
		do   func(b *harness)
		want []string
	}{
		{"one address", func(b *harness) { b.kernel.say(b.kernel.addr(2, "192.0.2.2/24")) }, []string{"addresses 2:eth0 added 192.0.2.2/24"}},
		{"an address goes", func(b *harness) { b.kernel.say(gone(b.kernel.addr(2, "192.0.2.1/24"))) }, []string{"addresses 2:eth0 removed 192.0.2.1/24"}},
		{"a burst is one event", func(b *harness) {
			for _, a := range []string{"192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24"} {
				b.kernel.say(b.kernel.addr(2, a))
				pass(settle / 2)
			}
		}, []string{"addresses 2:eth0 changed"}},
		{"an address that came and went", func(b *harness) {
			b.kernel.say(b.kernel.addr(2, "192.0.2.2/24"), gone(b.kernel.addr(2, "192.0.2.2/24")))
		}, []string{}},
		{"the same again", func(b *harness) {
			b.kernel.repeat(linkUp(2, "eth0"), b.kernel.addr(2, "192.0.2.1/24"), b.kernel.route(2, "default via 192.0.2.254"))
		}, []string{}},
		{"tentative address", func(b *harness) {
			a := b.kernel.addr(2, "2001:db8::1/64")
			a.Addr.Flags = hostnet.AddrTentative
			b.kernel.say(a)
		}, []string{}},
		{"address that is ready", func(b *harness) {
			a := b.kernel.addr(2, "2001:db8::1/64")
			a.Addr.Flags = hostnet.AddrTentative
			b.kernel.say(a)
			a.Addr.Flags = 0
			b.kernel.say(a)
		}, []string{"addresses 2:eth0 added 2001:db8::1/64"}},
		{"one route", func(b *harness) { b.kernel.say(b.kernel.route(2, "10.0.0.0/8")) }, []string{"routes 2:eth0 added 10.0.0.0/8"}},
		{"a route without link", func(b *harness) { b.kernel.say(b.kernel.route(0, "blackhole 10.0.0.0/8")) }, []string{"routes added blackhole 10.0.0.0/8"}},
		{"a rule", func(b *harness) { b.kernel.say(b.kernel.rule("from 192.0.2.1")) }, []string{"rules added"}},
		{"address and route", func(b *harness) {
			b.kernel.say(b.kernel.addr(2, "192.0.2.2/24"), b.kernel.route(2, "10.0.0.0/8"))
		}, []string{"addresses 2:eth0 added 192.0.2.2/24", "routes 2:eth0 added 10.0.0.0/8"}},
		{"routes that go silently with the last address", func(b *harness) {
			b.kernel.set(gone(b.kernel.route(2, "default via 192.0.2.254")))
			b.kernel.say(gone(b.kernel.addr(2, "192.0.2.1/24")))
		}, []string{"addresses 2:eth0 removed 192.0.2.1/24", "routes 2:eth0 removed"}},
		{"routes that go silently with the link", func(b *harness) {
			b.kernel.set(gone(b.kernel.route(2, "default via 192.0.2.254")))
			b.kernel.say(linkOff(2, "eth0"))
		}, []string{"routes 2:eth0 removed"}},
		{"a route that takes another's place", func(b *harness) {
			b.kernel.set(gone(b.kernel.route(2, "default via 192.0.2.254")))
			c := b.kernel.route(2, "default via 192.0.2.253")
			c.Replaced = true
			b.kernel.say(c)
		}, []string{"routes 2:eth0 changed"}},
		{"a lease", func(b *harness) {
			b.files.set(b.files.lease, 2, "one")
			b.files.changed <- 2
		}, []string{"leases 2:eth0 added"}},
		{"a lease renewed", func(b *harness) { b.files.changed <- 2 }, []string{}},
		{"links that do not count", func(b *harness) { b.kernel.say(b.kernel.addr(1, "127.0.0.2/8")) }, []string{}},
		{"a link that nobody told of", func(b *harness) { b.kernel.repeat(b.kernel.addr(9, "192.0.2.9/24")) }, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inHarness(t, func(b *harness) {
				followed(b)
				tt.do(b)
				assert.Equal(t, tt.want, b.settle())
				b.stop()
			})
		})
	}
}

func TestLevelsSettle(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.say(b.kernel.addr(2, "192.0.2.2/24"))
		pass(settle - time.Millisecond)
		assert.Empty(t, b.now())
		pass(2 * time.Millisecond)
		assert.Equal(t, []string{"addresses 2:eth0 added 192.0.2.2/24"}, b.now())

		// A storm without a pause is told of all the same, in steps.
		var told []string
		began := time.Now()
		for time.Since(began) < 3*settleMost {
			b.kernel.say(b.kernel.addr(2, "192.0.2.3/24"))
			pass(settle / 2)
			b.kernel.say(gone(b.kernel.addr(2, "192.0.2.3/24")), b.kernel.route(2, "10.0.0.0/8 "+time.Since(began).String()))
			pass(settle / 2)
			told = append(told, b.now()...)
		}
		assert.GreaterOrEqual(t, len(told), 2)
		assert.LessOrEqual(t, len(told), 8)
		b.stop()
	})
}

func TestOverrunTellsDifferencesOnly(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.fail(errOverrun)
		assert.Empty(t, b.settle())
		assert.Equal(t, 2, b.kernel.dumped(hostnet.ObjectLink))

		b.kernel.set(linkOff(7, "eth7"), b.kernel.addr(2, "192.0.2.2/24"), b.kernel.rule("from 192.0.2.2"))
		b.kernel.fail(errOverrun)
		assert.Equal(t, []string{"links 7:eth7 added", "addresses 2:eth0 changed", "rules added"}, b.settle())
		assert.Equal(t, []int{7}, b.bus.takeAsked(), "networkd is asked about the link that is new")
		b.unknown(7)
		pass(newAsks().after[4])
		assert.Equal(t, []string{"state 7:eth7 >off"}, b.settle())

		b.kernel.set(gone(linkOff(7, "eth7")))
		b.kernel.fail(errOverrun)
		assert.Equal(t, []string{"links 7:eth7 removed"}, b.settle())
		b.stop()
	})
}

// TestOverrunTellsLinksFirst: to read a full table takes long.
func TestOverrunTellsLinksFirst(t *testing.T) {
	inHarness(t, func(b *harness) {
		followed(b)
		b.kernel.set(linkCut(2, "eth0"), linkOff(7, "eth7"), gone(b.kernel.route(2, "default via 192.0.2.254")))
		var before []string
		b.kernel.asked = func(kind hostnet.Object) {
			if kind == hostnet.ObjectRoute {
				for _, ev := range b.sink.take() {
					before = append(before, show(ev))
				}
			}
		}
		b.kernel.fail(errOverrun)
		assert.Equal(t, []string{"routes 2:eth0 removed"}, b.settle())
		assert.Equal(t, []string{"links 7:eth7 added"}, before)
		b.stop()
	})
}
