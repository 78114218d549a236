package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// inBench runs a test with a bench in a synctest bubble.
func inBench(t *testing.T, f func(b *bench)) {
	synctest.Test(t, func(t *testing.T) { f(newBench(t)) })
}

// followed is a bench whose watcher knows eth0 (ifindex 2) as routable and has
// told of it.
func followed(b *bench) {
	b.kernel.set(linkUp(1, "lo"), linkUp(2, "eth0"), b.kernel.addr(2, "192.0.2.1/24"), b.kernel.route(2, "default via 192.0.2.254"))
	b.start()
	b.up(states("routable"), map[int]hostnet.States{1: states("carrier", "unmanaged"), 2: states("routable", "configured")})
	b.settle()
	b.bus.takeAsked()
}

func TestFirstStartTellsAll(t *testing.T) {
	inBench(t, func(b *bench) {
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
		meanwhile func(b *bench)
		words     hostnet.States
		want      []string
	}{{
		name:      "nothing",
		meanwhile: func(*bench) {},
		want:      []string{},
	}, {
		name:      "link vanished",
		meanwhile: func(b *bench) { b.kernel.set(gone(linkUp(2, "eth0"))) },
		want:      []string{"links 2:eth0 removed"},
	}, {
		name:      "link renamed",
		meanwhile: func(b *bench) { b.kernel.set(linkUp(2, "wan0")) },
		want:      []string{"links 2:wan0 renamed eth0"},
	}, {
		name:      "link new",
		meanwhile: func(b *bench) { b.kernel.set(linkOff(7, "eth7")) },
		want:      []string{"links 7:eth7 added", "state 7:eth7 >off"},
	}, {
		name:      "state",
		meanwhile: func(b *bench) { b.kernel.set(linkCut(2, "eth0")) },
		words:     states("no-carrier", "configured"),
		want:      []string{"state 2:eth0 routable>no-carrier"},
	}, {
		name:      "address",
		meanwhile: func(b *bench) { b.kernel.set(b.kernel.addr(2, "192.0.2.9/24")) },
		want:      []string{"addresses 2:eth0 changed"},
	}, {
		name:      "lease",
		meanwhile: func(b *bench) { b.files.lease[2] = "new" },
		want:      []string{"leases 2:eth0 added"},
	}, {
		name: "transition that was spooled and not saved",
		meanwhile: func(b *bench) {
			b.pending = []hostnet.Event{{Kind: hostnet.KindState, Index: 2, Link: "eth0", Property: hostnet.OperationalState, State: "degraded"}}
		},
		words: states("degraded", "configured"),
		want:  []string{},
	}, {
		name: "removal that was spooled and not saved",
		meanwhile: func(b *bench) {
			b.kernel.set(gone(linkUp(2, "eth0")))
			b.pending = []hostnet.Event{linkEvent(2, "eth0", hostnet.ActionRemoved)}
		},
		want: []string{},
	}, {
		name: "addition that was spooled and not saved",
		meanwhile: func(b *bench) {
			b.kernel.set(linkOff(7, "eth7"))
			b.pending = []hostnet.Event{linkEvent(7, "eth7", hostnet.ActionAdded)}
		},
		want: []string{"state 7:eth7 >off"},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBench(t, func(b *bench) {
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

func TestTransitionsAreToldAtOnceAndInOrder(t *testing.T) {
	inBench(t, func(b *bench) {
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

func TestLevels(t *testing.T) {
	tests := []struct {
		name string
		do   func(b *bench)
		want []string
	}{
		{"one address", func(b *bench) { b.kernel.say(b.kernel.addr(2, "192.0.2.2/24")) }, []string{"addresses 2:eth0 added 192.0.2.2/24"}},
		{"an address goes", func(b *bench) { b.kernel.say(gone(b.kernel.addr(2, "192.0.2.1/24"))) }, []string{"addresses 2:eth0 removed 192.0.2.1/24"}},
		{"a burst is one event", func(b *bench) {
			for _, a := range []string{"192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24"} {
				b.kernel.say(b.kernel.addr(2, a))
				pass(settle / 2)
			}
		}, []string{"addresses 2:eth0 changed"}},
		{"an address that came and went", func(b *bench) {
			b.kernel.say(b.kernel.addr(2, "192.0.2.2/24"), gone(b.kernel.addr(2, "192.0.2.2/24")))
		}, []string{}},
		{"the same again", func(b *bench) {
			b.kernel.repeat(linkUp(2, "eth0"), b.kernel.addr(2, "192.0.2.1/24"), b.kernel.route(2, "default via 192.0.2.254"))
		}, []string{}},
		{"tentative address", func(b *bench) {
			a := b.kernel.addr(2, "2001:db8::1/64")
			a.Addr.Flags = hostnet.AddrTentative
			b.kernel.say(a)
		}, []string{}},
		{"address that is ready", func(b *bench) {
			a := b.kernel.addr(2, "2001:db8::1/64")
			a.Addr.Flags = hostnet.AddrTentative
			b.kernel.say(a)
			a.Addr.Flags = 0
			b.kernel.say(a)
		}, []string{"addresses 2:eth0 added 2001:db8::1/64"}},
		{"one route", func(b *bench) { b.kernel.say(b.kernel.route(2, "10.0.0.0/8")) }, []string{"routes 2:eth0 added 10.0.0.0/8"}},
		{"a route without link", func(b *bench) { b.kernel.say(b.kernel.route(0, "blackhole 10.0.0.0/8")) }, []string{"routes added blackhole 10.0.0.0/8"}},
		{"a rule", func(b *bench) { b.kernel.say(b.kernel.rule("from 192.0.2.1")) }, []string{"rules added"}},
		{"address and route", func(b *bench) {
			b.kernel.say(b.kernel.addr(2, "192.0.2.2/24"), b.kernel.route(2, "10.0.0.0/8"))
		}, []string{"addresses 2:eth0 added 192.0.2.2/24", "routes 2:eth0 added 10.0.0.0/8"}},
		{"routes that go silently with the last address", func(b *bench) {
			b.kernel.set(gone(b.kernel.route(2, "default via 192.0.2.254")))
			b.kernel.say(gone(b.kernel.addr(2, "192.0.2.1/24")))
		}, []string{"addresses 2:eth0 removed 192.0.2.1/24", "routes 2:eth0 removed"}},
		{"routes that go silently with the link", func(b *bench) {
			b.kernel.set(gone(b.kernel.route(2, "default via 192.0.2.254")))
			b.kernel.say(linkOff(2, "eth0"))
		}, []string{"routes 2:eth0 removed"}},
		{"a route that takes another's place", func(b *bench) {
			b.kernel.set(gone(b.kernel.route(2, "default via 192.0.2.254")))
			c := b.kernel.route(2, "default via 192.0.2.253")
			c.Replaced = true
			b.kernel.say(c)
		}, []string{"routes 2:eth0 changed"}},
		{"a lease", func(b *bench) {
			b.files.set(b.files.lease, 2, "one")
			b.files.changed <- 2
		}, []string{"leases 2:eth0 added"}},
		{"a lease renewed", func(b *bench) { b.files.changed <- 2 }, []string{}},
		{"links that do not count", func(b *bench) { b.kernel.say(b.kernel.addr(1, "127.0.0.2/8")) }, []string{}},
		{"a link that nobody told of", func(b *bench) { b.kernel.repeat(b.kernel.addr(9, "192.0.2.9/24")) }, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				followed(b)
				tt.do(b)
				assert.Equal(t, tt.want, b.settle())
				b.stop()
			})
		})
	}
}

func TestLevelsSettle(t *testing.T) {
	inBench(t, func(b *bench) {
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
	inBench(t, func(b *bench) {
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

func TestNetworkdGoesAndComes(t *testing.T) {
	inBench(t, func(b *bench) {
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

func TestStartWithoutBus(t *testing.T) {
	for _, silent := range []bool{false, true} {
		inBench(t, func(b *bench) {
			b.kernel.set(linkUp(2, "eth0"), b.kernel.addr(2, "fe80::1/64"))
			b.files.admin[2] = "configuring"
			b.start()
			if !silent {
				b.tell(hostnet.BusEvent{Down: "no bus"})
			} else {
				pass(busGrace - time.Millisecond)
				assert.Empty(t, b.now())
			}
			assert.Equal(t, []string{"links 2:eth0 added", "state 2:eth0 >degraded", "state 2:eth0 >configuring", "addresses 2:eth0 added"}, b.settle())
			assert.Equal(t, 1, b.counted(&b.ready))
			b.stop()
		})
	}
}

func TestWithoutNetworkd(t *testing.T) {
	inBench(t, func(b *bench) {
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
	inBench(t, func(b *bench) {
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
	inBench(t, func(b *bench) {
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
	inBench(t, func(b *bench) {
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

func TestLinksFilter(t *testing.T) {
	inBench(t, func(b *bench) {
		b.options.Match = func(name string) bool { return name == "eth0" || name == "wan0" }
		followed(b)
		b.kernel.say(linkUp(7, "tmp0"), b.kernel.addr(7, "192.0.2.7/24"))
		b.change(7, "routable", "configured")
		assert.Empty(t, b.settle())

		b.kernel.say(gone(linkUp(7, "tmp0")), linkUp(7, "wan0"))
		b.kernel.queue = nil
		b.kernel.repeat(linkUp(7, "wan0"))
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
	inBench(t, func(b *bench) {
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
		inBench(t, func(b *bench) {
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
	t.Run("records", func(t *testing.T) {
		inBench(t, func(b *bench) {
			followed(b)
			b.records.err = errBroken
			b.change(2, "degraded")
			assert.ErrorIs(t, <-b.ended, errBroken)
		})
	})
	t.Run("kernel", func(t *testing.T) {
		inBench(t, func(b *bench) {
			followed(b)
			b.kernel.fail(errBroken)
			assert.ErrorIs(t, <-b.ended, errBroken)
		})
	})
	t.Run("dump", func(t *testing.T) {
		inBench(t, func(b *bench) {
			b.kernel.dumpErr = errBroken
			b.start()
			assert.ErrorContains(t, <-b.ended, "listing links: broken")
		})
	})
}

func TestWatchdogTicks(t *testing.T) {
	for _, interval := range []time.Duration{0, 250 * time.Millisecond, 15 * time.Second} {
		inBench(t, func(b *bench) {
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
		inBench(t, func(b *bench) {
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
