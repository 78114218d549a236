package watch

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestFirstStartTellsAll(t *testing.T) {
	inHarness(t, func(b *harness) {
		b.kernel.set(linkUp(1, "lo"), linkUp(2, "eth0"), b.kernel.addr(1, "127.0.0.1/8"), b.kernel.addr(2, "192.0.2.1/24"),
			b.kernel.route(2, "default"), b.kernel.route(0, "blackhole 198.51.100.0/24"), b.kernel.rule("from all"))
		b.files.lease[2] = "lease"
		b.start()
		assert.Empty(t, b.now(), "nothing is told before networkd had its say")
		assert.Zero(t, b.counted(&b.ready))
		b.up(states("degraded"), map[int]hostnet.States{2: states("routable", "configured")})
		assert.Equal(t, []string{
			"links 2:eth0 added", "state 2:eth0 >routable", "state 2:eth0 >configured", "manager >degraded",
			"addresses 2:eth0 added", "routes 2:eth0 added", "leases 2:eth0 added", "routes added", "rules added",
		}, b.settle())
		assert.Equal(t, 1, b.counted(&b.ready))
		b.up(states("degraded"), map[int]hostnet.States{2: states("routable", "configured")})
		assert.Empty(t, b.settle())
		assert.Equal(t, 1, b.counted(&b.ready), "READY comes once")
		b.stop()

		// The same host again: the records say it all.
		b.start()
		b.up(states("degraded"), map[int]hostnet.States{2: states("routable", "configured")})
		assert.Empty(t, b.settle())
		b.stop()
	})
}

func TestStartTellsWhatChangedMeanwhile(t *testing.T) {
	tests := []struct {
		name      string
		meanwhile func(b *harness)
		words     hostnet.States
		want      []string
	}{{
		name:      "nothing",
		meanwhile: func(*harness) {},
		want:      []string{},
	}, {
		name:      "link vanished",
		meanwhile: func(b *harness) { b.kernel.set(gone(linkUp(2, "eth0"))) },
		want:      []string{"links 2:eth0 removed"},
	}, {
		name:      "link renamed",
		meanwhile: func(b *harness) { b.kernel.set(linkUp(2, "wan0")) },
		want:      []string{"links 2:wan0 renamed eth0"},
	}, {
		name:      "link new",
		meanwhile: func(b *harness) { b.kernel.set(linkOff(7, "eth7")) },
		want:      []string{"links 7:eth7 added", "state 7:eth7 >off"},
	}, {
		name:      "state",
		meanwhile: func(b *harness) { b.kernel.set(linkCut(2, "eth0")) },
		words:     states("no-carrier", "configured"),
		want:      []string{"state 2:eth0 routable>no-carrier"},
	}, {
		name:      "address",
		meanwhile: func(b *harness) { b.kernel.set(b.kernel.addr(2, "192.0.2.9/24")) },
		want:      []string{"addresses 2:eth0 changed"},
	}, {
		name:      "lease",
		meanwhile: func(b *harness) { b.files.lease[2] = "new" },
		want:      []string{"leases 2:eth0 added"},
	}, {
		name: "transition that was spooled and not saved",
		meanwhile: func(b *harness) {
			b.pending = []hostnet.Event{{Kind: hostnet.KindState, Index: 2, Link: "eth0", Property: hostnet.OperationalState, State: "degraded"}}
		},
		words: states("degraded", "configured"),
		want:  []string{},
	}, {
		name: "removal that was spooled and not saved",
		meanwhile: func(b *harness) {
			b.kernel.set(gone(linkUp(2, "eth0")))
			b.pending = []hostnet.Event{linkEvent(2, "eth0", hostnet.ActionRemoved)}
		},
		want: []string{},
	}, {
		name: "addition that was spooled and not saved",
		meanwhile: func(b *harness) {
			b.kernel.set(linkOff(7, "eth7"))
			b.pending = []hostnet.Event{linkEvent(7, "eth7", hostnet.ActionAdded)}
		},
		want: []string{"state 7:eth7 >off"},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inHarness(t, func(b *harness) {
				followed(b)
				b.stop()
				tt.meanwhile(b)
				b.start()
				words := tt.words
				if words == nil {
					words = states("routable", "configured")
				}
				b.up(states("routable"), map[int]hostnet.States{2: words})
				assert.Equal(t, tt.want, b.settle())
				b.stop()
				// Whatever it was, it is told once.
				b.pending = nil
				b.start()
				b.up(states("routable"), map[int]hostnet.States{2: words})
				assert.Empty(t, b.settle())
				b.stop()
			})
		})
	}
}

func linkEvent(index int, name string, action hostnet.Action) hostnet.Event {
	return hostnet.Event{Kind: hostnet.KindLinks, Index: index, Link: name, Action: action}
}

func TestStartWithoutBus(t *testing.T) {
	for _, silent := range []bool{false, true} {
		inHarness(t, func(b *harness) {
			b.kernel.set(linkUp(2, "eth0"), b.kernel.addr(2, "fe80::1/64"))
			b.files.admin[2] = "configuring"
			var log strings.Builder
			b.options.Log = slog.New(slog.NewTextHandler(&log, nil))
			b.start()
			if !silent {
				b.tell(hostnet.BusEvent{Down: "no bus"})
			} else {
				pass(busGrace - time.Millisecond)
				assert.Empty(t, b.now())
			}
			assert.Equal(t, []string{"links 2:eth0 added", "state 2:eth0 >degraded", "state 2:eth0 >configuring", "addresses 2:eth0 added"}, b.settle())
			assert.Equal(t, 1, b.counted(&b.ready))
			b.tell(hostnet.BusEvent{Down: "another reason"})
			b.stop()
			assert.Equal(t, 1, strings.Count(log.String(), "states come from the kernel"), "it is said, and once: %s", &log)
		})
	}
}
