package reconcile

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/internal/report"
)

func TestRunConverges(t *testing.T) {
	b := newBench(t)
	r := b.run()
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	assert.Len(t, r.Steps, 6)
	assert.False(t, r.Partial())
	want := report.LinkRules{
		Index: 3, Link: "eth1", Table: 10002, Changed: b.now, CarrierChanges: 1,
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.20/32")},
		Routes:    []string{"192.0.2.0/24 dev eth1 table 10002 scope link src 192.0.2.20", "default via 192.0.2.1 dev eth1 table 10002"},
		Gateway4:  &report.RulesGateway{Address: netip.MustParseAddr("192.0.2.1"), Source: "main table"},
	}
	assert.Equal(t, []report.LinkRules{want}, r.Links)
	assert.Equal(t, want, b.ledger.saved[3])

	writes, saves := b.kernel.writes, b.ledger.saves
	b.now = b.now.Add(time.Hour)
	r = b.run()
	assert.Empty(t, r.Steps)
	assert.Equal(t, writes, b.kernel.writes, "the second run writes nothing")
	assert.Equal(t, saves, b.ledger.saves)
}

func TestRunLeavesOthersAlone(t *testing.T) {
	b := newBench(t)
	b.kernel.rules = []hostnet.Rule{
		{Family: hostnet.IPv4, Priority: 30002, From: netip.MustParsePrefix("192.0.2.20/32"), Table: 10002, SuppressPrefixLength: hostnet.NoSuppress, Protocol: 4},
		{Family: hostnet.IPv4, Priority: 32766, Table: hostnet.TableMain, SuppressPrefixLength: hostnet.NoSuppress, Protocol: 2},
	}
	b.kernel.routes = []hostnet.Route{{Table: 77, Type: hostnet.RouteUnicast, Destination: netip.MustParsePrefix("0.0.0.0/0"), Index: 3, Protocol: 4}}
	others := b.kernel.text(false)
	b.run()
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	assert.Equal(t, others, b.kernel.text(false))
	b.run(flush)
	assert.Empty(t, b.kernel.text(true))
	assert.Equal(t, others, b.kernel.text(false))
}

func TestRunFollows(t *testing.T) {
	tests := []struct {
		name   string
		change func(b *bench)
		want   []string
		ledger []int
	}{
		{
			name: "link gone", change: func(b *bench) { delete(b.kernel.links, 3); b.kernel.routes = nil },
			want: []string{}, ledger: []int{},
		},
		{
			name: "link came back with another index",
			change: func(b *bench) {
				delete(b.kernel.links, 3)
				b.kernel.routes = nil
				b.kernel.link(7, "eth1", "", "192.0.2.20/24")
			},
			want: []string{
				"30000: from 192.0.2.20 lookup 10006 suppress_prefixlength 0", "30001: from all lookup main suppress_prefixlength 0",
				"30002: from 192.0.2.20 lookup 10006", "30003: from all to 192.0.2.20/32 lookup 10006",
				"192.0.2.0/24 dev eth1 table 10006 scope link src 192.0.2.20",
			},
			ledger: []int{0, 7},
		},
		{
			name: "link enslaved", want: []string{}, ledger: []int{3},
			change: func(b *bench) { l := b.kernel.links[3]; l.Link.MasterIndex = 9; b.kernel.links[3] = l },
		},
		{
			name: "configuration forgets the link", want: []string{}, ledger: []int{},
			change: func(b *bench) { b.options.Managed = func(string) bool { return false } },
		},
		{
			name: "another table base", ledger: []int{0, 3},
			change: func(b *bench) { b.options.Policy.TableBase = 20000 },
			want: []string{
				"30000: from 192.0.2.20 lookup 20003 suppress_prefixlength 0", "30001: from all lookup main suppress_prefixlength 0",
				"30002: from 192.0.2.20 lookup 20003", "30003: from all to 192.0.2.20/32 lookup 20003",
				"192.0.2.0/24 dev eth1 table 20003 scope link src 192.0.2.20", "default via 192.0.2.1 dev eth1 table 20003",
			},
		},
		{
			name: "ledger lost", want: eth1Text(), ledger: []int{0, 3},
			change: func(b *bench) { clear(b.ledger.saved) },
		},
		{
			name: "ledger lost and link gone", want: []string{}, ledger: []int{},
			change: func(b *bench) { clear(b.ledger.saved); delete(b.kernel.links, 3); b.kernel.routes = nil },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.run()
			tt.change(b)
			b.run()
			assert.Equal(t, tt.want, b.kernel.text(true))
			kept := []int{}
			for _, index := range []int{0, 3, 7} {
				if _, ok := b.ledger.saved[index]; ok {
					kept = append(kept, index)
				}
			}
			assert.Equal(t, tt.ledger, kept)
		})
	}
}

// TestMainIsNoLinksTable has a link whose table would be main.
func TestMainIsNoLinksTable(t *testing.T) {
	b := newBench(t)
	b.options.Policy.TableBase = 100
	b.kernel.link(hostnet.TableMain-100, "vnet9", "")
	refused := errors.New("out of memory")
	b.kernel.refuse = func(s hostnet.Step) error {
		if s.IsRule && s.Rule.Table == hostnet.TableMain {
			return refused
		}
		return nil
	}
	r := b.run()
	assert.Equal(t, []string{refused.Error()}, r.Problems)
	require.Len(t, r.Links, 1)
	assert.Equal(t, "eth1", r.Links[0].Link)
}

func TestRunOnlySomeLinks(t *testing.T) {
	b := newBench(t)
	b.kernel.link(4, "eth2", "", "198.51.100.5/24")
	r := b.run(byHand, only("eth1", "nosuch"))
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	assert.Equal(t, []string{"nosuch"}, r.Unknown)
	assert.True(t, r.Partial())
	assert.NotContains(t, b.ledger.saved, 4)

	b.run()
	both := b.kernel.text(true)
	b.run(flush, only("eth2"))
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	b.run(byHand, only("eth2"))
	assert.Equal(t, both, b.kernel.text(true))

	// A link that is gone is known by the ledger, and its rules go.
	delete(b.kernel.links, 4)
	b.kernel.routes = b.kernel.routes[:2]
	r = b.run(byHand, only("eth2"))
	assert.Empty(t, r.Unknown)
	assert.Equal(t, eth1Text(), b.kernel.text(true))
}

func TestFlushLasts(t *testing.T) {
	b := newBench(t)
	b.kernel.link(4, "eth2", "", "198.51.100.5/24")
	b.run()
	both := b.kernel.text(true)
	b.run(flush, only("eth2"))
	b.run()
	assert.Equal(t, eth1Text(), b.kernel.text(true), "what was flushed does not come back by itself")
	assert.True(t, b.ledger.saved[4].Flushed)
	b.run(flush)
	b.kernel.link(5, "eth3", "", "203.0.113.5/24")
	b.run()
	assert.Empty(t, b.kernel.text(true), "nor does a link that came after all were flushed")
	b.run(byHand, only("eth1"))
	b.run()
	assert.Equal(t, eth1Text(), b.kernel.text(true))
	delete(b.kernel.links, 5)
	b.run(byHand)
	b.run()
	assert.Equal(t, both, b.kernel.text(true))
	assert.False(t, b.ledger.saved[4].Flushed)
}

func TestDryRunChangesNothing(t *testing.T) {
	b := newBench(t)
	dry := func(o *Options) { o.DryRun, o.ByHand = true, true }
	r := b.run(dry)
	var commands []string
	for _, s := range r.Steps {
		commands = append(commands, s.Command(r.LinkName))
	}
	assert.Equal(t, []string{
		"ip -4 route add 192.0.2.0/24 dev eth1 table 10002 scope link src 192.0.2.20 protocol 110",
		"ip -4 route add default via 192.0.2.1 dev eth1 table 10002 protocol 110",
		"ip -4 rule add from all lookup main suppress_prefixlength 0 priority 30001 protocol 110",
		"ip -4 rule add from all to 192.0.2.20/32 lookup 10002 priority 30003 protocol 110",
		"ip -4 rule add from 192.0.2.20 lookup 10002 priority 30002 protocol 110",
		"ip -4 rule add from 192.0.2.20 lookup 10002 suppress_prefixlength 0 priority 30000 protocol 110",
	}, commands)
	assert.Empty(t, b.kernel.text(true))
	assert.Zero(t, b.kernel.writes)
	assert.Empty(t, b.ledger.saved)
	require.Len(t, r.Links, 1)
	assert.Equal(t, "eth1", r.Links[0].Link)
}

func TestOneBadLinkStopsNoOther(t *testing.T) {
	b := newBench(t)
	b.kernel.link(4, "eth2", "", "198.51.100.5/24")
	refused := errors.New("adding it: out of memory")
	b.kernel.refuse = func(s hostnet.Step) error {
		if s.IsRule && s.Rule.Table == 10003 {
			return refused
		}
		return nil
	}
	r := b.run()
	assert.True(t, r.Partial())
	assert.Subset(t, b.kernel.text(true), eth1Text())
	assert.Empty(t, b.ledger.saved[3].Problems)
	assert.Equal(t, []string{refused.Error(), refused.Error(), refused.Error()}, b.ledger.saved[4].Problems)
	assert.Equal(t, rounds, b.kernel.reads, "it was tried again with fresh eyes")

	b.kernel.refuse = nil
	assert.False(t, b.run().Partial())
	assert.Empty(t, b.ledger.saved[4].Problems)
	assert.Empty(t, b.ledger.saved[4].Losses, "what never was there was not lost")
}

func TestLinkGoesInTheMidst(t *testing.T) {
	b := newBench(t)
	b.kernel.before = func() { delete(b.kernel.links, 3); b.kernel.before = nil }
	r := b.run()
	assert.False(t, r.Partial())
	assert.Empty(t, b.kernel.text(true))
}

func TestPlaceTakenByAnother(t *testing.T) {
	b := newBench(t)
	b.kernel.routes = []hostnet.Route{{Table: 10002, Type: hostnet.RouteUnicast, Destination: netip.MustParsePrefix("0.0.0.0/0"), Index: 2, Protocol: 4}}
	r := b.run()
	assert.True(t, r.Partial())
	require.Len(t, r.Links, 1)
	assert.Equal(t, []string{hostnet.ErrOccupied.Error()}, r.Links[0].Problems)
	assert.Equal(t, []string{"default dev eth0 table 10002"}, b.kernel.text(false))
}

func TestGatewaysOfTheLease(t *testing.T) {
	b := newBench(t)
	b.kernel.link(3, "eth1", "", "192.0.2.20/24")
	b.options.Gateways = func(l hostnet.LinkFacts) []plan.Gateway {
		return []plan.Gateway{{Addr: netip.MustParseAddr("192.0.2.254"), Source: "dhcp"}}
	}
	r := b.run()
	assert.Contains(t, b.kernel.text(true), "default via 192.0.2.254 dev eth1 table 10002")
	assert.Equal(t, &report.RulesGateway{Address: netip.MustParseAddr("192.0.2.254"), Source: "dhcp"}, r.Links[0].Gateway4)
}

func TestFactsFail(t *testing.T) {
	b := newBench(t)
	b.kernel.err = errors.New("interrupted")
	_, err := Run(t.Context(), b.kernel, b.ledger, b.options)
	assert.ErrorContains(t, err, "reading policy routing: interrupted")
	assert.Empty(t, b.ledger.saved)
}

// TestErrorsOfTheKernelSayWhatFailed: it has named what it was about.
func TestErrorsOfTheKernelSayWhatFailed(t *testing.T) {
	b := cloudBench(t)
	b.kernel.applyErr = errors.New("changing policy routing: no answer")
	_, err := Run(t.Context(), b.kernel, b.ledger, b.options)
	assert.Equal(t, b.kernel.applyErr, err)
	b = cloudBench(t)
	b.kernel.linksErr = errors.New("changing links: no answer")
	_, err = Run(t.Context(), b.kernel, b.ledger, b.options)
	assert.Equal(t, b.kernel.linksErr, err)
}

func TestEntryThatCannotBeSavedStopsNoOther(t *testing.T) {
	b := newBench(t)
	b.kernel.link(4, "eth2", "", "198.51.100.5/24")
	b.ledger.full = 3
	var log strings.Builder
	b.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	r, err := Run(t.Context(), b.kernel, b.ledger, b.options)
	require.EqualError(t, err, "disk is full")
	assert.Len(t, r.Links, 2)
	assert.Contains(t, b.ledger.saved, 4)
	assert.Contains(t, log.String(), "link=eth1", "it was changed all the same")
}

// TestRunEndsAfterItsReaders: whoever called it may close the kernel then.
func TestRunEndsAfterItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ended := false
		b.kernel.slow = func() {
			<-time.After(time.Second)
			ended = true
		}
		b.ledger.err = errors.New("broken")
		_, err := Run(t.Context(), b.kernel, b.ledger, b.options)
		require.ErrorIs(t, err, b.ledger.err)
		assert.True(t, ended)
	})
}

func TestRulesThatCannotBeRead(t *testing.T) {
	b := newBench(t)
	b.kernel.rulesErr = errors.New("interrupted")
	_, err := Run(t.Context(), b.kernel, b.ledger, b.options)
	require.EqualError(t, err, "reading policy routing: interrupted")
	assert.Zero(t, b.kernel.writes, "nothing is decided then")
	assert.Empty(t, b.ledger.saved)
}

func TestRunCounts(t *testing.T) {
	b := newBench(t)
	dry := func(o *Options) { o.DryRun = true }
	all := report.RulesCount{Rules: 4, Routes: 2}
	r := b.run(dry)
	assert.Equal(t, all, r.Wanted)
	assert.Equal(t, all, r.Missing, "nothing is there yet")
	r = b.run()
	assert.Equal(t, all, r.Missing, "as it began")
	r = b.run(dry)
	assert.Equal(t, all, r.Wanted)
	assert.Zero(t, r.Missing)
	assert.Zero(t, r.Stale)

	b.kernel.rules = b.kernel.rules[1:]
	b.kernel.routes = append(b.kernel.routes, hostnet.Route{
		Table: 10002, Type: hostnet.RouteUnicast, Destination: netip.MustParsePrefix("198.51.100.0/24"), Index: 3, Protocol: hostnet.Protocol,
	})
	r = b.run(dry)
	assert.Equal(t, report.RulesCount{Rules: 1}, r.Missing)
	assert.Equal(t, 1, r.Stale)
	assert.Equal(t, all, r.Wanted)
}

func TestRunCountsAddresses(t *testing.T) {
	b := cloudBench(t)
	dry := func(o *Options) { o.DryRun = true }
	r := b.run(dry)
	assert.Equal(t, 1, r.Wanted.Addresses)
	assert.Equal(t, 1, r.Missing.Addresses)
	b.run()
	r = b.run(dry)
	assert.Equal(t, 1, r.Wanted.Addresses)
	assert.Zero(t, r.Missing)
	b.options.Cloud = nil // the instance lost it
	r = b.run(dry)
	assert.Zero(t, r.Wanted)
	assert.Zero(t, r.Missing)
	assert.Positive(t, r.Stale)
}
