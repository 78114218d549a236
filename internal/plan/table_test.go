package plan_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

func TestWantRoutes(t *testing.T) {
	tests := []struct {
		name   string
		shapes []shape
		want   string
		// outcome is that of ens2, less its addresses and table.
		outcome plan.Outcome
	}{
		{
			name: "two links in one subnet",
			shapes: []shape{
				{
					index: 2, flags: up, addrs: []string{"192.0.2.5/24"},
					routes: []string{"default via 192.0.2.1 src 192.0.2.5 metric 100", "192.0.2.0/24 scope link src 192.0.2.5 metric 100"},
				},
				{
					index: 3, flags: up, addrs: []string{"192.0.2.6/24"},
					routes: []string{"default via 192.0.2.1 src 192.0.2.6 metric 200", "192.0.2.0/24 scope link src 192.0.2.6 metric 200"},
				},
			},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -4 route add 192.0.2.0/24 dev ens3 table 10003 scope link src 192.0.2.6
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
				ip -4 route add default via 192.0.2.1 dev ens3 table 10003
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.1", "main table")},
		},
		{
			name: "two links in different subnets, one with a lease that gave no route",
			shapes: []shape{
				{index: 2, flags: up, addrs: []string{"192.0.2.5/24"}, gateways: []plan.Gateway{gateway("192.0.2.1", "dhcp")}},
				{index: 3, flags: up, addrs: []string{"198.51.100.6/25"}, routes: []string{"default via 198.51.100.1 metric 200 mtu 1400"}},
			},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -4 route add 198.51.100.0/25 dev ens3 table 10003 scope link src 198.51.100.6
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
				ip -4 route add default via 198.51.100.1 dev ens3 table 10003 mtu 1400
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.1", "dhcp")},
		},
		{
			name:   "gateway outside the subnet of a whole address",
			shapes: []shape{{index: 2, flags: up, addrs: []string{"192.0.2.5/32"}, gateways: []plan.Gateway{gateway("172.31.1.1", "metadata")}}},
			want: `
				ip -4 route add default via 172.31.1.1 dev ens2 table 10002 onlink
			`,
			outcome: plan.Outcome{Gateway4: via("172.31.1.1", "metadata")},
		},
		{
			name: "the same, made a neighbour by a route",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"192.0.2.5/32", "2001:db8::5/128"},
				routes: []string{"172.31.1.1 scope link", "default via 172.31.1.1", "2001:db8:1::1 metric 1024", "default via 2001:db8:1::1 metric 1024"},
			}},
			want: `
				ip -4 route add 172.31.1.1 dev ens2 table 10002 scope link
				ip -6 route add 2001:db8:1::1 dev ens2 table 10002 metric 1024
				ip -4 route add default via 172.31.1.1 dev ens2 table 10002
				ip -6 route add default via 2001:db8:1::1 dev ens2 table 10002 metric 1024
			`,
			outcome: plan.Outcome{Gateway4: via("172.31.1.1", "main table"), Gateway6: via("2001:db8:1::1", "main table")},
		},
		{
			name:   "the same, by onlink",
			shapes: []shape{{index: 2, flags: up, addrs: []string{"2001:db8::5/128"}, routes: []string{"default via 2001:db8:1::1 metric 1024 onlink"}}},
			want: `
				ip -6 route add default via 2001:db8:1::1 dev ens2 table 10002 metric 1024 onlink
			`,
			outcome: plan.Outcome{Gateway6: via("2001:db8:1::1", "main table")},
		},
		{
			name:   "no gateway",
			shapes: []shape{{index: 2, flags: up, addrs: []string{"192.0.2.5/24", "2001:db8::5/64"}}},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
			`,
			outcome: plan.Outcome{Notes: []string{
				"no IPv4 gateway is known: no default route in table 10002",
				"no IPv6 gateway is known: no default route in table 10002",
			}},
		},
		{
			name: "point-to-point with a peer",
			shapes: []shape{{
				index: 2, flags: up | hostnet.FlagPointToPoint,
				addrs: []string{"10.0.0.1 peer 10.0.0.2/32", "2001:db8::1 peer 2001:db8::2/128"},
			}},
			want: `
				ip -4 route add 10.0.0.2 dev ens2 table 10002 scope link src 10.0.0.1
				ip -6 route add 2001:db8::2 dev ens2 table 10002 metric 1024
				ip -4 route add default dev ens2 table 10002 scope link
				ip -6 route add default dev ens2 table 10002 metric 1024
			`,
			outcome: plan.Outcome{Gateway4: plan.ChosenGateway{Device: true}, Gateway6: plan.ChosenGateway{Device: true}},
		},
		{
			name: "point-to-point with a gateway",
			shapes: []shape{{
				index: 2, flags: up | hostnet.FlagPointToPoint,
				addrs: []string{"10.0.0.1 peer 10.0.0.2/32"}, routes: []string{"10.0.0.2 scope link src 10.0.0.1", "default via 10.0.0.2"},
			}},
			want: `
				ip -4 route add 10.0.0.2 dev ens2 table 10002 scope link src 10.0.0.1
				ip -4 route add default via 10.0.0.2 dev ens2 table 10002
			`,
			outcome: plan.Outcome{Gateway4: via("10.0.0.2", "main table")},
		},
		{
			name:   "default route that names the link alone",
			shapes: []shape{{index: 2, flags: up, addrs: []string{"192.0.2.5/32"}, routes: []string{"default scope link metric 50 mtu 1280"}}},
			want: `
				ip -4 route add default dev ens2 table 10002 scope link mtu 1280
			`,
			outcome: plan.Outcome{Gateway4: plan.ChosenGateway{Device: true, Source: "main table"}},
		},
		{
			name: "IPv6 by router advertisement",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"2001:db8::5/64", "2001:db8::a:b/64", "fe80::5/64 scope link"},
				routes: []string{
					"2001:db8::/64 metric 256", "fe80::/64 metric 256", "ff00::/8 metric 256",
					"2001:db8:7::/48 via fe80::2 metric 1024", "default via fe80::1 metric 1024 mtu 1400",
				},
			}},
			want: `
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
				ip -6 route add 2001:db8:7::/48 via fe80::2 dev ens2 table 10002 metric 1024
				ip -6 route add default via fe80::1 dev ens2 table 10002 metric 1024 mtu 1400
			`,
			outcome: plan.Outcome{Gateway6: via("fe80::1", "main table")},
		},
		{
			name: "IPv6 after the router fell silent",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"2001:db8::5/64", "fe80::5/64 scope link"},
				routes: []string{"2001:db8::/64 metric 256", "fe80::/64 metric 256"},
			}},
			want: `
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
			`,
			outcome: plan.Outcome{Notes: []string{"no IPv6 gateway is known: no default route in table 10002"}},
		},
		{
			name: "IPv6 routers on two links, two of them on one, told as one route",
			shapes: []shape{
				{
					index: 2, flags: up, addrs: []string{"2001:db8::5/64"},
					routes: []string{"default via fe80::2 metric 1024 multipath", "default via fe80::1 metric 1024 multipath"},
				},
				{index: 3, flags: up, addrs: []string{"2001:db8:1::5/64"}, routes: []string{"default via fe80::1 metric 1024 multipath"}},
			},
			want: `
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
				ip -6 route add 2001:db8:1::/64 dev ens3 table 10003 metric 1024
				ip -6 route add default via fe80::1 dev ens2 table 10002 metric 1024
				ip -6 route add default via fe80::1 dev ens3 table 10003 metric 1024
			`,
			outcome: plan.Outcome{Gateway6: via("fe80::1", "main table")},
		},
		{
			name: "many addresses: the primary one of each subnet is the source",
			shapes: []shape{{
				index: 2, flags: up,
				addrs: []string{
					"192.0.2.4/24 secondary", "192.0.2.5/24", "192.0.2.6/32 noprefixroute", "198.51.100.9/25", "198.51.100.8/26",
					"203.0.113.5/24 scope link", "169.254.3.4/16 scope link",
				},
				routes: []string{"192.0.2.0/24 scope link src 192.0.2.5", "169.254.0.0/16 scope link", "default via 192.0.2.1"},
			}},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -4 route add 198.51.100.0/25 dev ens2 table 10002 scope link src 198.51.100.9
				ip -4 route add 198.51.100.0/26 dev ens2 table 10002 scope link src 198.51.100.8
				ip -4 route add 203.0.113.0/24 dev ens2 table 10002 scope link
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.1", "main table")},
		},
		{
			name: "subnets that the addresses' owner has routes for",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"192.0.2.5/24 noprefixroute", "2001:db8::5/64 noprefixroute"},
				routes: []string{
					"192.0.2.0/24 scope link src 192.0.2.5 metric 100", "default via 192.0.2.1 metric 100",
					"2001:db8::/64 metric 1024", "default via 2001:db8::1 metric 1024",
				},
			}},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5 metric 100
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
				ip -6 route add default via 2001:db8::1 dev ens2 table 10002 metric 1024
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.1", "main table"), Gateway6: via("2001:db8::1", "main table")},
		},
		{
			name: "other routes of main",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"192.0.2.5/24", "2001:db8::5/128"},
				routes: []string{
					"0.0.0.0/1 via 192.0.2.1", "10.0.0.0/8 via 192.0.2.9 src 192.0.2.5 metric 5 mtu 1400", "10.1.0.0/16 via 198.51.100.1 onlink",
					"10.2.0.0/16 scope link src 198.51.100.5", "10.3.0.0/16 blackhole metric 1", "10.4.0.0/16 via 192.0.2.5",
					"192.0.2.0/24 scope link metric 1024", "192.0.2.0/24 via 192.0.2.1", "192.0.2.0/24 via 192.0.2.1 metric 7",
					"10.5.0.0/16 via 192.0.2.8 multipath", "10.5.0.0/16 via 192.0.2.7 multipath",
					"169.254.169.254 scope link", "224.0.0.0/4 scope link", "127.1.0.0/16 scope link",
					"2001:db8::5/128 metric 256", "2001:db8:4::/64 src 2001:db8::5 metric 300", "2001:db8:5::/64 via fe80::9 metric 0",
				},
			}},
			want: `
				ip -4 route add 10.2.0.0/16 dev ens2 table 10002 scope link
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -6 route add 2001:db8:4::/64 dev ens2 table 10002 metric 300
				ip -4 route add 0.0.0.0/1 via 192.0.2.1 dev ens2 table 10002
				ip -4 route add 10.0.0.0/8 via 192.0.2.9 dev ens2 table 10002 src 192.0.2.5 metric 5 mtu 1400
				ip -4 route add 10.1.0.0/16 via 198.51.100.1 dev ens2 table 10002 onlink
				ip -4 route add 10.5.0.0/16 via 192.0.2.7 dev ens2 table 10002
				ip -4 route add 192.0.2.0/24 via 192.0.2.1 dev ens2 table 10002 metric 7
				ip -6 route add 2001:db8:5::/64 via fe80::9 dev ens2 table 10002 metric 1024
			`,
			outcome: plan.Outcome{Notes: []string{
				"no IPv4 gateway is known: no default route in table 10002",
				"no IPv6 gateway is known: no default route in table 10002",
			}},
		},
		{
			name:   "IPv4 by an IPv6 router",
			shapes: []shape{{index: 2, flags: up, addrs: []string{"192.0.2.5/32", "fe80::5/64 scope link"}, routes: []string{"default via4 fe80::1"}}},
			want: `
				ip -4 route add default via inet6 fe80::1 dev ens2 table 10002
			`,
			outcome: plan.Outcome{Gateway4: via("fe80::1", "main table")},
		},
		{
			name: "gateways that lead nowhere",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"192.0.2.5/24", "2001:db8::5/64"},
				routes: []string{"default via 192.0.2.5 metric 1", "default via ff02::2 metric 1024"},
				gateways: []plan.Gateway{
					{Source: "dhcp"}, gateway("0.0.0.0", "dhcp"), gateway("192.0.2.255", "dhcp"), gateway("255.255.255.255", "dhcp"),
					gateway("::ffff:192.0.2.1", "metadata"), gateway("192.0.2.2", "metadata"), gateway("::1", "metadata"),
				},
			}},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -6 route add 2001:db8::/64 dev ens2 table 10002 metric 1024
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.1", "metadata"), Notes: []string{
				"gateway 192.0.2.5 (main table) is refused: it is an address of the link itself",
				"gateway 0.0.0.0 (dhcp) is refused: it is no neighbour's address",
				"gateway 192.0.2.255 (dhcp) is refused: it is a broadcast address",
				"gateway 255.255.255.255 (dhcp) is refused: it is a broadcast address",
				"gateway ff02::2 (main table) is refused: it is no neighbour's address",
				"gateway ::1 (metadata) is refused: it is no neighbour's address",
				"no IPv6 gateway is known: no default route in table 10002",
			}},
		},
		{
			name: "the gateway of the lowest metric",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"192.0.2.5/24"},
				routes:   []string{"default via 192.0.2.3 metric 20", "default scope link metric 10", "default via 192.0.2.2 metric 10", "default via 192.0.2.1 metric 30"},
				gateways: []plan.Gateway{gateway("192.0.2.4", "dhcp")},
			}},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -4 route add default via 192.0.2.2 dev ens2 table 10002
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.2", "main table")},
		},
		{
			name: "gateways of one family alone",
			shapes: []shape{{
				index: 2, flags: up, addrs: []string{"192.0.2.5/24"},
				routes:   []string{"default via fe80::1 metric 1024"},
				gateways: []plan.Gateway{gateway("fe80::2", "dhcp"), gateway("192.0.2.1", "metadata"), gateway("192.0.2.2", "metadata")},
			}},
			want: `
				ip -4 route add 192.0.2.0/24 dev ens2 table 10002 scope link src 192.0.2.5
				ip -4 route add default via 192.0.2.1 dev ens2 table 10002
			`,
			outcome: plan.Outcome{Gateway4: via("192.0.2.1", "metadata")},
		},
		{
			name:    "a link that is down",
			shapes:  []shape{{index: 2, addrs: []string{"192.0.2.5/24"}, gateways: []plan.Gateway{gateway("192.0.2.1", "dhcp")}}},
			outcome: plan.Outcome{Notes: []string{"link is down: table 10002 is empty until it is up"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := plan.Want(policy(), linksOf(t, tt.shapes...))
			var steps []hostnet.Step
			for _, r := range want.Routes {
				steps = append(steps, hostnet.Step{Route: r})
			}
			assert.Equal(t, dedent(tt.want), commands(t, steps))
			outcome := want.Links[2]
			outcome.Table, outcome.Addresses = 0, nil
			assert.Equal(t, tt.outcome, outcome)
		})
	}
}

func TestWantCopiesNoFullTable(t *testing.T) {
	link := shape{index: 2, flags: up, addrs: []string{"192.0.2.5/24"}, routes: []string{"default via 192.0.2.1", "10.0.0.0/24 scope link"}}.link(t)
	far := parseRoute(t, 2, "10.1.0.0/24 via 192.0.2.1")
	for i := range hostnet.MaxCopied {
		far.Destination = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1 + byte(i>>8), byte(i), 0}), 24)
		link.Routes = append(link.Routes, far)
	}
	full := plan.Want(policy(), []plan.Link{link})
	assert.Len(t, full.Routes, hostnet.MaxCopied+3)
	assert.Empty(t, full.Links[2].Notes)

	far.Metric++ // one more
	link.Routes = append(link.Routes, far)
	cut := plan.Want(policy(), []plan.Link{link})
	assert.Len(t, cut.Routes, 3)
	assert.Equal(t, []string{"more than 1024 routes of the main table have a gateway: table 10002 has none of them"}, cut.Links[2].Notes)
}
