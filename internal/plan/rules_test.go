package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

// TestWantRules has links that are down, which have rules and no routes.
func TestWantRules(t *testing.T) {
	tests := []struct {
		name   string
		shapes []shape
		want   string
	}{
		{"no link", nil, ""},
		{
			"an address of each family",
			[]shape{{index: 2, addrs: []string{"192.0.2.5/24", "2001:db8::5/64"}}},
			`
				ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -6 rule add from 2001:db8::5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -6 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -4 rule add from 192.0.2.5 lookup 10002 priority 102
				ip -6 rule add from 2001:db8::5 lookup 10002 priority 102
				ip -4 rule add from all to 192.0.2.5/32 lookup 10002 priority 103
				ip -6 rule add from all to 2001:db8::5/128 lookup 10002 priority 103
			`,
		},
		{
			"two links",
			[]shape{{index: 3, addrs: []string{"192.0.2.6/24"}}, {index: 2, addrs: []string{"192.0.2.5/24"}}},
			`
				ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule add from 192.0.2.6 lookup 10003 suppress_prefixlength 0 priority 100
				ip -4 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -4 rule add from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule add from 192.0.2.6 lookup 10003 priority 102
				ip -4 rule add from all to 192.0.2.5/32 lookup 10002 priority 103
				ip -4 rule add from all to 192.0.2.6/32 lookup 10003 priority 103
			`,
		},
		{
			"the same address with two lengths, and as a range",
			[]shape{{index: 2, addrs: []string{"192.0.2.5/24", "192.0.2.5/32"}, ranges: []string{"192.0.2.5/32"}}},
			`
				ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -4 rule add from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule add from all to 192.0.2.5/32 lookup 10002 priority 103
			`,
		},
		{
			"a delegated prefix and an alias range",
			[]shape{{index: 2, addrs: []string{"192.0.2.5/24"}, ranges: []string{"2001:db8:d::/64", "198.51.100.16/28"}}},
			`
				ip -4 rule add from 192.0.2.5 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule add from 198.51.100.16/28 lookup 10002 suppress_prefixlength 0 priority 100
				ip -6 rule add from 2001:db8:d::/64 lookup 10002 suppress_prefixlength 0 priority 100
				ip -4 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -6 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -4 rule add from 192.0.2.5 lookup 10002 priority 102
				ip -4 rule add from 198.51.100.16/28 lookup 10002 priority 102
				ip -6 rule add from 2001:db8:d::/64 lookup 10002 priority 102
				ip -4 rule add from all to 192.0.2.5/32 lookup 10002 priority 103
				ip -4 rule add from all to 198.51.100.16/28 lookup 10002 priority 103
				ip -6 rule add from all to 2001:db8:d::/64 lookup 10002 priority 103
			`,
		},
		{
			"a prefix alone",
			[]shape{{index: 2, addrs: []string{"fe80::5/64 scope link"}, ranges: []string{"2001:db8:d::/64"}}},
			`
				ip -6 rule add from 2001:db8:d::/64 lookup 10002 suppress_prefixlength 0 priority 100
				ip -6 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -6 rule add from 2001:db8:d::/64 lookup 10002 priority 102
				ip -6 rule add from all to 2001:db8:d::/64 lookup 10002 priority 103
			`,
		},
		{
			"addresses of no use",
			[]shape{{
				index: 2,
				addrs: []string{
					"169.254.1.5/16", "127.0.0.5/8", "192.0.2.5/24 scope link", "192.0.2.6/24 scope host", "224.0.0.5/32",
					"fe80::5/64 scope link", "2001:db8::5/64 tentative", "2001:db8::6/64 dadfailed", "2001:db8::7/64 scope site",
				},
				ranges: []string{"0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.0.0/16", "fe80::/10", "ff00::/8"},
			}},
			`
				ip -6 rule add from 2001:db8::7 lookup 10002 suppress_prefixlength 0 priority 100
				ip -6 rule add from all lookup main suppress_prefixlength 0 priority 101
				ip -6 rule add from 2001:db8::7 lookup 10002 priority 102
				ip -6 rule add from all to 2001:db8::7/128 lookup 10002 priority 103
			`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := plan.Want(policy(), linksOf(t, tt.shapes...))
			assert.Empty(t, want.Routes)
			var steps []hostnet.Step
			for _, r := range want.Rules {
				steps = append(steps, hostnet.Step{IsRule: true, Rule: r})
			}
			assert.Equal(t, dedent(tt.want), commands(t, steps))
		})
	}
}
