package plan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

// home is a link with one address and a gateway.
func home() shape {
	return shape{index: 2, flags: up, addrs: []string{"192.0.2.5/24"}, routes: []string{"default via 192.0.2.1"}}
}

// TestDiffOfLinks has the steps from what one state of the links wants to what
// another does.
func TestDiffOfLinks(t *testing.T) {
	moved := home()
	moved.index = 3
	other := home()
	other.routes = []string{"default via 192.0.2.2"}
	lone := home()
	lone.routes = nil
	down := home()
	down.flags = 0
	renewed := home()
	renewed.addrs = []string{"192.0.2.9/24"}
	more := home()
	more.addrs = append(more.addrs, "192.0.2.6/24 secondary", "2001:db8::5/64")
	more.routes = append(more.routes, "10.0.0.0/8 via 192.0.2.9", "default via fe80::1 metric 1024")

	tests := []struct {
		name     string
		from, to []shape
		want     string
	}{
		{"nothing", nil, nil, ""},
		{"no change", []shape{home(), moved}, []shape{moved, home()}, ""},
		{
			"first apply", nil, []shape{more},
			`
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
				ip -4 route add 10.0.0.0/8 via 192.0.2.9 dev ens2 table 10002
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
				ip -6 route add default via fe80::1 dev ens2 table 10002 metric 1024
				ip -4 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -6 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -4 rule add from all to 192.0.2.5/32 lookup 10002 priority 103
				ip -4 rule add from all to 192.0.2.6/32 lookup 10002 priority 103
				ip -6 rule add from all to 2001:db8::5/128 lookup 10002 priority 103
				ip -4 rule add from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule add from 192.0.2.6 lookup 10002 priority 102
				ip -6 rule add from 2001:db8::5 lookup 10002 priority 102
				ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule add from 192.0.2.6 lookup 10002 suppress_prefixlength 0 priority 100
				ip -6 rule add from 2001:db8::5 lookup 10002 suppress_prefixlength 0 priority 100
			`,
		},
		{
			"flush", []shape{more}, nil,
			`
				ip -4 rule delete from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule delete from 192.0.2.6 lookup 10002 suppress_prefixlength 0 priority 100
				ip -6 rule delete from 2001:db8::5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule delete from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule delete from 192.0.2.6 lookup 10002 priority 102
				ip -6 rule delete from 2001:db8::5 lookup 10002 priority 102
				ip -4 rule delete from all to 192.0.2.5/32 lookup 10002 priority 103
				ip -4 rule delete from all to 192.0.2.6/32 lookup 10002 priority 103
				ip -6 rule delete from all to 2001:db8::5/128 lookup 10002 priority 103
				ip -4 rule delete from all lookup main suppress_prefixlength 0 priority 101
				ip -6 rule delete from all lookup main suppress_prefixlength 0 priority 101
				ip -6 route delete default via fe80::1 dev ens2 table 10002 metric 1024
				ip -4 route delete default via 192.0.2.1 dev ens2 table 10002
				ip -4 route delete 10.0.0.0/8 via 192.0.2.9 dev ens2 table 10002
				ip -6 route delete 2001:db8::/64 dev ens2 table 10002 metric 1024
				ip -4 route delete 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
			`,
		},
		{"another gateway", []shape{home()}, []shape{other}, `ip -4 route replace default via 192.0.2.2 dev ens2 table 10002`},
		{"the gateway is gone", []shape{home()}, []shape{lone}, `ip -4 route delete default via 192.0.2.1 dev ens2 table 10002`},
		{
			"the kernel flushed the table as the link went down", []shape{down}, []shape{home()},
			`
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
			`,
		},
		{
			"another address", []shape{home()}, []shape{renewed},
			`
				ip -4 route replace 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.9
				ip -4 rule add from all to 192.0.2.9/32 lookup 10002 priority 103
				ip -4 rule add from 192.0.2.9 lookup 10002 priority 102
				ip -4 rule add from 192.0.2.9 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule delete from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule delete from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule delete from all to 192.0.2.5/32 lookup 10002 priority 103
			`,
		},
		{
			"another ifindex", []shape{home()}, []shape{moved},
			`
				ip -4 route add 192.0.2.0/24 dev ens3 table 10003 scope link src 192.0.2.5
				ip -4 route add default via 192.0.2.1 dev ens3 table 10003
				ip -4 rule add from all to 192.0.2.5/32 lookup 10003 priority 103
				ip -4 rule add from 192.0.2.5 lookup 10003 priority 102
				ip -4 rule add from 192.0.2.5 lookup 10003 suppress_prefixlength 0 priority 100
				ip -4 rule delete from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule delete from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule delete from all to 192.0.2.5/32 lookup 10002 priority 103
				ip -4 route delete default via 192.0.2.1 dev ens2 table 10002
				ip -4 route delete 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
			`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, to := plan.Want(policy(), linksOf(t, tt.from...)), plan.Want(policy(), linksOf(t, tt.to...))
			assert.Equal(t, dedent(tt.want), commands(t, plan.Diff(to, from.Rules, from.Routes)))
		})
	}
}

// own is a route as the kernel tells one of netbrk's.
func own(t *testing.T, text string) hostnet.Route {
	t.Helper()
	r := parseRoute(t, 2, text)
	r.Table, r.Protocol = 10002, hostnet.Protocol
	return r
}

// TestDiffOfRoutes has a wanted route, and what is there of ours.
func TestDiffOfRoutes(t *testing.T) {
	tests := []struct {
		name string
		want string
		have []string
		step string
	}{
		{"equal", "default via 192.0.2.1", []string{"default via 192.0.2.1"}, ""},
		{"another MTU", "default via 192.0.2.1", []string{"default via 192.0.2.1 mtu 1400"}, "ip -4 route replace default via 192.0.2.1 dev ens2 table 10002"},
		{
			"another metric is another route", "default via 192.0.2.1", []string{"default via 192.0.2.1 metric 5"},
			`
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
				ip -4 route delete default via 192.0.2.1 dev ens2 table 10002 metric 5
			`,
		},
		{"IPv6 metric told as 0", "default via fe80::1", []string{"default via fe80::1 metric 1024"}, ""},
		{"IPv6 has no scope", "2001:db8::/64 scope link", []string{"2001:db8::/64 metric 1024"}, ""},
		{
			"IPv4 multipath, the first hop is wanted", "default via 192.0.2.1",
			[]string{"default via 192.0.2.1 multipath", "default via 192.0.2.2 multipath"},
			"ip -4 route replace default via 192.0.2.1 dev ens2 table 10002",
		},
		{
			"IPv4 multipath in vain", "",
			[]string{"default via 192.0.2.2 multipath", "default via 192.0.2.1 multipath"},
			"ip -4 route delete default via 192.0.2.2 dev ens2 table 10002",
		},
		{
			"IPv6 multipath, the second hop is wanted", "default via fe80::2",
			[]string{"default via fe80::1 metric 1024 multipath", "default via fe80::2 metric 1024 multipath"},
			"ip -6 route delete default via fe80::1 dev ens2 table 10002 metric 1024",
		},
		{
			"IPv6 multipath, no hop is wanted", "default via fe80::3",
			[]string{"default via fe80::1 metric 1024 multipath", "default via fe80::2 metric 1024 multipath"},
			`
				ip -6 route delete default via fe80::2 dev ens2 table 10002 metric 1024
				ip -6 route replace default via fe80::3 dev ens2 table 10002 metric 1024
			`,
		},
		{
			"IPv6 multipath in vain", "",
			[]string{"default via fe80::1 metric 1024 multipath", "default via fe80::2 metric 1024 multipath"},
			`
				ip -6 route delete default via fe80::2 dev ens2 table 10002 metric 1024
				ip -6 route delete default via fe80::1 dev ens2 table 10002 metric 1024
			`,
		},
		{
			"two of a key", "default via 192.0.2.1", []string{"default via 192.0.2.2", "default via 192.0.2.1"},
			"ip -4 route delete default via 192.0.2.2 dev ens2 table 10002",
		},
		{
			"one without a gateway beside the wanted one", "2001:db8::/64 via fe80::1", []string{"2001:db8::/64 via fe80::1", "2001:db8::/64"},
			`
				ip -6 route delete 2001:db8::/64 via fe80::1 dev ens2 table 10002 metric 1024
				ip -6 route replace 2001:db8::/64 via fe80::1 dev ens2 table 10002 metric 1024
			`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want plan.Plan
			if tt.want != "" {
				want.Routes = append(want.Routes, own(t, tt.want))
			}
			var have []hostnet.Route
			for _, text := range tt.have {
				have = append(have, own(t, text))
			}
			assert.Equal(t, dedent(tt.step), commands(t, plan.Diff(want, nil, have)))
		})
	}
}

func TestDiffOfRules(t *testing.T) {
	want := plan.Want(policy(), linksOf(t, home()))
	rules := slices.Clone(want.Rules)

	t.Run("twice there", func(t *testing.T) {
		have := append(slices.Clone(rules), rules[1], rules[0], rules[1])
		assert.Equal(t, dedent(`
			ip -4 rule delete from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
			ip -4 rule delete from all lookup main suppress_prefixlength 0 priority 101
			ip -4 rule delete from all lookup main suppress_prefixlength 0 priority 101
		`), commands(t, plan.Diff(want, have, want.Routes)))
	})
	t.Run("any order", func(t *testing.T) {
		have := slices.Clone(rules)
		slices.Reverse(have)
		assert.Nil(t, plan.Diff(want, have, want.Routes))
	})
	t.Run("other priorities", func(t *testing.T) {
		p := policy()
		p.Priority++ // the new rules stand among the old ones
		assert.Equal(t, dedent(`
			ip -4 rule add from all lookup main suppress_prefixlength 0 priority 102
			ip -4 rule add from all to 192.0.2.5/32 lookup 10002 priority 104
			ip -4 rule add from 192.0.2.5 lookup 10002 priority 103
			ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 101
			ip -4 rule delete from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
			ip -4 rule delete from 192.0.2.5 lookup 10002 priority 102
			ip -4 rule delete from all to 192.0.2.5/32 lookup 10002 priority 103
			ip -4 rule delete from all lookup main suppress_prefixlength 0 priority 101
		`), commands(t, plan.Diff(plan.Want(p, linksOf(t, home())), rules, want.Routes)))
	})
	t.Run("a wanted rule with more to it is not the wanted one", func(t *testing.T) {
		have := slices.Clone(rules)
		have[0].Other = true
		assert.Equal(t, dedent(`
			ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
		`), commands(t, plan.Diff(want, have, want.Routes)))
		assert.Nil(t, plan.Diff(want, append(have, rules[0]), want.Routes))
	})
}

// TestDiffLeavesOthersAlone has what a host with docker and a VPN has besides,
// some of it in netbrk's own tables and priorities.
func TestDiffLeavesOthersAlone(t *testing.T) {
	want := plan.Want(policy(), linksOf(t, home()))
	rules, routes := foreign(t)
	for i := range want.Rules {
		r := want.Rules[i]
		r.Protocol = 3
		rules = append(rules, r)
	}
	for i := range want.Routes {
		r := want.Routes[i]
		r.Protocol = 3
		routes = append(routes, r)
	}
	assert.Nil(t, plan.Diff(plan.Plan{}, rules, routes))
	assert.Nil(t, plan.Diff(want, append(rules, want.Rules...), append(routes, want.Routes...)))
	assert.Len(t, plan.Diff(want, rules, routes), len(want.Rules)+len(want.Routes))
}

// foreign returns rules and routes that are not netbrk's.
func foreign(t *testing.T) ([]hostnet.Rule, []hostnet.Route) {
	t.Helper()
	rule := func(family hostnet.Family, priority, table uint32, protocol uint8, other bool) hostnet.Rule {
		return hostnet.Rule{Family: family, Priority: priority, Table: table, SuppressPrefixLength: hostnet.NoSuppress, Protocol: protocol, Other: other}
	}
	rules := []hostnet.Rule{
		rule(hostnet.IPv4, 0, hostnet.TableLocal, 2, false), rule(hostnet.IPv6, 0, hostnet.TableLocal, 2, false),
		rule(hostnet.IPv4, 101, 51820, 3, true), rule(hostnet.IPv4, 32766, hostnet.TableMain, 2, false),
		rule(hostnet.IPv6, 102, 10002, hostnet.Protocol, true),
	}
	docker, vpn := parseRoute(t, 9, "172.17.0.0/16 scope link src 172.17.0.1"), parseRoute(t, 8, "default scope link")
	vpn.Table = 51820
	hand := parseRoute(t, 2, "10.9.0.0/16 via 192.0.2.77 metric 77")
	hand.Table, hand.Protocol = 10002, 4
	return rules, []hostnet.Route{docker, vpn, hand}
}

func TestWantTakesAnyOrder(t *testing.T) {
	links := linksOf(t, home(), shape{
		index: 3, flags: up,
		addrs:    []string{"198.51.100.5/24", "198.51.100.6/24", "2001:db8::5/64", "2001:db8::6/64 tentative"},
		routes:   []string{"default via fe80::2 metric 1024 multipath", "default via fe80::1 metric 1024 multipath", "10.0.0.0/8 via 198.51.100.1", "10.0.0.0/8 via 198.51.100.2"},
		ranges:   []string{"2001:db8:d::/64", "203.0.113.0/28"},
		gateways: []plan.Gateway{gateway("198.51.100.1", "dhcp"), gateway("198.51.100.2", "dhcp")},
	})
	want := plan.Want(policy(), links)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		shuffle(random, links)
		assert.Equal(t, want, plan.Want(policy(), links))
	}
}

func shuffle(random *rand.Rand, links []plan.Link) {
	mix(random, links)
	for _, l := range links {
		mix(random, l.Addrs)
		mix(random, l.Routes)
		mix(random, l.Ranges)
	}
}

func mix[T any](random *rand.Rand, s []T) {
	random.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}
