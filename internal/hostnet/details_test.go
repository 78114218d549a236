package hostnet_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func route(dst, gateway string, table, priority int) hostnet.RouteDetails {
	r := hostnet.RouteDetails{Destination: netip.MustParsePrefix(dst), Table: table, Priority: priority}
	if gateway != "" {
		r.Gateway = netip.MustParseAddr(gateway)
	}
	return r
}

func TestFirstRoutesKeepsWhatDecidesMost(t *testing.T) {
	const main = hostnet.TableMain
	want := []hostnet.RouteDetails{
		route("0.0.0.0/0", "192.0.2.1", main, 100),
		route("0.0.0.0/0", "192.0.2.1", main, 1024),
		route("::/0", "fe80::1", main, 1024),
		route("0.0.0.0/0", "192.0.2.1", 10001, 0),
		route("192.0.2.0/24", "", main, 0),
		route("192.0.2.1/32", "", main, 0),
		route("2001:db8::/64", "", main, 256),
		route("192.0.2.0/24", "", 10001, 0),
		{MPLSDestination: "100", Table: main, NextHops: []hostnet.NextHop{{Link: "eth0"}}},
		route("198.51.100.0/24", "192.0.2.1", main, 0),
		route("203.0.113.0/24", "192.0.2.1", main, 0),
		route("10.0.0.0/8", "192.0.2.1", 10001, 0),
	}

	shuffled := slices.Clone(want)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	})
	assert.Equal(t, want, hostnet.FirstRoutes(slices.Clone(shuffled), 100))
	assert.Equal(t, want[:4], hostnet.FirstRoutes(shuffled, 4))
	assert.Empty(t, hostnet.FirstRoutes(nil, 4))
}

func TestReaches(t *testing.T) {
	addr := func(prefix string, scope uint8, flags uint32) hostnet.AddrDetails {
		return hostnet.AddrDetails{Addr: hostnet.Addr{Prefix: netip.MustParsePrefix(prefix), Scope: scope, Flags: flags}}
	}
	tests := []struct {
		name   string
		addrs  []hostnet.AddrDetails
		v4, v6 hostnet.Reach
	}{
		{"none", nil, hostnet.ReachOff, hostnet.ReachOff},
		{
			"both families, the widest of each",
			[]hostnet.AddrDetails{
				addr("192.0.2.5/24", hostnet.ScopeGlobal, 0), addr("169.254.1.1/16", hostnet.ScopeLink, 0),
				addr("fe80::5/64", hostnet.ScopeLink, 0),
			},
			hostnet.ReachRoutable, hostnet.ReachDegraded,
		},
		{
			"not usable yet",
			[]hostnet.AddrDetails{addr("2001:db8::5/64", hostnet.ScopeGlobal, hostnet.AddrTentative)},
			hostnet.ReachOff, hostnet.ReachOff,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v4, v6 := hostnet.LinkDetails{Addresses: tt.addrs}.Reaches()
			assert.Equal(t, tt.v4, v4)
			assert.Equal(t, tt.v6, v6)
		})
	}
}
