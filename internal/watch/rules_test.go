package watch

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// suspected collects the links that a watcher has looked at.
type suspected struct {
	indexes []int
	err     error
}

func (s *suspected) put(index int) error {
	if s.err == nil {
		s.indexes = append(s.indexes, index)
	}
	return s.err
}

// take returns the links since the last call, in order.
func (s *suspected) take() []int {
	got := s.indexes
	s.indexes = nil
	slices.Sort(got)
	return got
}

// routedHarness is a harness whose eth0 has rules of ours, and whose eth1 has not.
func routedHarness(b *harness) *suspected {
	s := &suspected{}
	b.options.Routed = func(index int, name string) bool { return index == 0 || name == "eth0" }
	b.options.Reconcile = s.put
	b.kernel.set(linkUp(3, "eth1"))
	followed(b)
	return s
}

func ofTable(c hostnet.Change, protocol uint8, table uint32) hostnet.Change {
	c.Protocol, c.Table = protocol, table
	return c
}

func TestRulesAreLookedAt(t *testing.T) {
	const ours, theirs, table = hostnet.Protocol, 4, 10001
	tests := []struct {
		name   string
		before func(b *harness) // what is there already
		change func(b *harness)
		want   []int
	}{
		{name: "nothing", change: func(*harness) {}},
		{name: "address added", change: func(b *harness) { b.kernel.say(b.kernel.addr(2, "192.0.2.9/24")) }, want: []int{2}},
		{name: "address removed", change: func(b *harness) { b.kernel.say(gone(b.kernel.addr(2, "192.0.2.1/24"))) }, want: []int{2}},
		{name: "address as it was", change: func(b *harness) { b.kernel.repeat(b.kernel.addr(2, "192.0.2.1/24")) }},
		{name: "address of another link", change: func(b *harness) { b.kernel.say(b.kernel.addr(3, "192.0.2.9/24")) }},
		{name: "link set down", change: func(b *harness) { b.kernel.say(linkOff(2, "eth0")) }, want: []int{2}},
		{name: "carrier lost", change: func(b *harness) { b.kernel.say(linkCut(2, "eth0")) }, want: []int{2}},
		{name: "link as it was", change: func(b *harness) { b.kernel.repeat(linkUp(2, "eth0")) }},
		{name: "link renamed", change: func(b *harness) { b.kernel.say(linkUp(3, "eth0")) }, want: []int{3}},
		{name: "link gone", change: func(b *harness) { b.kernel.say(gone(linkUp(2, "eth0"))) }, want: []int{2}},
		{name: "link new", change: func(b *harness) { b.kernel.say(gone(linkUp(2, "eth0")), linkUp(9, "eth0")) }, want: []int{2, 9}},
		{
			name:   "master",
			change: func(b *harness) { c := linkUp(2, "eth0"); c.Link.MasterIndex = 7; b.kernel.repeat(c) },
			want:   []int{2},
		},
		{
			name:   "route of the main table",
			change: func(b *harness) { b.kernel.say(ofTable(b.kernel.route(2, "192.0.2.0/24"), theirs, hostnet.TableMain)) },
			want:   []int{2},
		},
		{
			name:   "route of another's table",
			change: func(b *harness) { b.kernel.say(ofTable(b.kernel.route(2, "192.0.2.0/24"), theirs, 77)) },
		},
		{
			name:   "our own addition of a route",
			change: func(b *harness) { b.kernel.say(ofTable(b.kernel.route(2, "192.0.2.0/24"), ours, table)) },
		},
		{
			name:   "our route removed",
			before: func(b *harness) { b.kernel.say(ofTable(b.kernel.route(2, "198.51.100.0/24"), ours, table)) },
			change: func(b *harness) { b.kernel.say(gone(ofTable(b.kernel.route(2, "198.51.100.0/24"), ours, table))) },
			want:   []int{2},
		},
		{
			name: "our route replaced by another's",
			change: func(b *harness) {
				c := ofTable(b.kernel.route(2, "203.0.113.0/24"), theirs, table)
				c.Replaced = true
				b.kernel.say(c)
			},
			want: []int{2},
		},
		{name: "our own addition of a rule", change: func(b *harness) { b.kernel.say(ofTable(b.kernel.rule("ours"), ours, table)) }},
		{name: "another's rule", change: func(b *harness) { b.kernel.say(ofTable(b.kernel.rule("theirs"), theirs, table)) }},
		{
			name:   "our rule removed",
			before: func(b *harness) { b.kernel.say(ofTable(b.kernel.rule("ours"), ours, table)) },
			change: func(b *harness) { b.kernel.say(gone(ofTable(b.kernel.rule("ours"), ours, table))) },
			want:   []int{0},
		},
		{
			name:   "another's rule removed",
			before: func(b *harness) { b.kernel.say(ofTable(b.kernel.rule("theirs"), theirs, table)) },
			change: func(b *harness) { b.kernel.say(gone(ofTable(b.kernel.rule("theirs"), theirs, table))) },
		},
		{
			name:   "lease",
			change: func(b *harness) { b.files.set(b.files.lease, 2, "another"); b.files.changed <- 2 },
			want:   []int{2},
		},
		{
			name: "a flush is one look",
			before: func(b *harness) {
				b.kernel.say(ofTable(b.kernel.rule("one"), ours, table), ofTable(b.kernel.rule("two"), ours, table))
			},
			change: func(b *harness) {
				b.kernel.say(gone(ofTable(b.kernel.rule("one"), ours, table)))
				b.kernel.say(gone(ofTable(b.kernel.rule("two"), ours, table)), gone(b.kernel.addr(2, "192.0.2.1/24")))
			},
			want: []int{0, 2},
		},
		{name: "messages lost", change: func(b *harness) { b.kernel.fail(errOverrun) }, want: []int{0, 2}},
		{
			name: "configuration read anew",
			change: func(b *harness) {
				b.w.Reload(func(o *Options) { o.Routed = func(index int, name string) bool { return name == "eth1" } })
			},
			want: []int{3},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inHarness(t, func(b *harness) {
				s := routedHarness(b)
				assert.Subset(t, s.take(), []int{0, 2}, "the start looks at all that is routed")
				if tt.before != nil {
					tt.before(b)
					b.settle()
					s.take()
				}
				tt.change(b)
				b.settle()
				assert.Equal(t, tt.want, s.take())
				b.settle()
				assert.Empty(t, s.take(), "quiet afterwards")
				b.stop()
			})
		})
	}
}

// TestRulesAreLookedAtBeforeNetworkd is about a start without a bus: who was
// asked by way of a link must not wait for a daemon that is away.
func TestRulesAreLookedAtBeforeNetworkd(t *testing.T) {
	inHarness(t, func(b *harness) {
		s := &suspected{}
		b.options.Routed = func(int, string) bool { return true }
		b.options.Reconcile = s.put
		b.start()
		assert.Equal(t, []int{0}, s.take())
		b.stop()
	})
}

func TestRulesThatCannotBeSpooledAreSpooledLater(t *testing.T) {
	inHarness(t, func(b *harness) {
		s := routedHarness(b)
		s.take()
		s.err = errors.New("no space left on device")
		b.kernel.say(b.kernel.addr(2, "192.0.2.9/24"))
		b.settle()
		assert.Empty(t, s.take())
		s.err = nil
		b.kernel.say(b.kernel.addr(3, "192.0.2.10/24")) // of another link, but time to try again
		b.settle()
		assert.Equal(t, []int{2}, s.take())
		b.stop()
	})
}
