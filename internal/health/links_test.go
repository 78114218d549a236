package health

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestLinks(t *testing.T) {
	address := func(p string, scope uint8, flags uint32) hostnet.Addr {
		return hostnet.Addr{Prefix: netip.MustParsePrefix(p), Scope: scope, Flags: flags}
	}
	f := sound()
	f.Links = &Links{
		Facts: []hostnet.LinkFacts{{
			Link: hostnet.Link{Index: 3, Name: "eth1", Type: 1, OperState: hostnet.OperUp, Flags: hostnet.FlagUp}, MAC: "02:00:00:00:00:01", MTUBytes: 1500,
			Addrs: []hostnet.Addr{
				address("192.0.2.1/24", 0, 0), address("192.0.2.2/32", 0, 0), address("192.0.2.3/32", 0, 0x20),
				address("fe80::1/64", hostnet.ScopeLink, 0), address("2001:db8::1/64", 0, hostnet.AddrTentative),
			},
			Routes: []hostnet.Route{
				{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.254")},
				{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.254"), Metric: 5},
				{Destination: netip.MustParsePrefix("198.51.100.0/24"), Gateway: netip.MustParseAddr("192.0.2.253")},
			},
		}, {Link: hostnet.Link{Index: 1, Name: "lo", Type: 772, Flags: hostnet.FlagLoopback}}},
		States:  map[int]hostnet.States{1: {hostnet.AdministrativeState: "unmanaged"}},
		Added:   map[int]report.LinkRules{3: {Index: 3, Table: 10002, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, Added: []netip.Prefix{netip.MustParsePrefix("192.0.2.2/32")}}},
		Leases:  map[string]report.LinkLeases{"eth1": {Link: "eth1", IPv4: &hostnet.Lease{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}}, "lo": {Link: "lo"}},
		Watched: func(name string) bool { return name != "lo" },
	}
	links := Build(f).Links
	require.Len(t, links, 2)
	lo, eth1 := links[0], links[1]
	assert.Equal(t, "lo", lo.Link)
	assert.Equal(t, "off", lo.States[hostnet.OperationalState], "networkd does not tell, so the kernel does")
	assert.False(t, lo.Watched)
	assert.Nil(t, lo.Leases, "none is held")
	assert.Equal(t, "loopback", lo.Kind)

	assert.Equal(t, "routable", eth1.States[hostnet.OperationalState])
	assert.True(t, eth1.Watched)
	assert.Equal(t, uint32(10002), eth1.Table)
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.254")}, eth1.Gateways)
	assert.Equal(t, []report.AddressStatus{
		{Address: netip.MustParsePrefix("192.0.2.1/24"), Origin: "dhclient"},
		{Address: netip.MustParsePrefix("192.0.2.2/32"), Origin: "netbrk"},
		{Address: netip.MustParsePrefix("192.0.2.3/32"), Flags: []string{"deprecated"}},
		{Address: netip.MustParsePrefix("2001:db8::1/64"), Flags: []string{"tentative"}},
	}, eth1.Addresses)
}

// TestStatesKnowPorts: a bridge whose port has no carrier is not all there.
func TestStatesKnowPorts(t *testing.T) {
	f := sound()
	f.Links = &Links{Facts: []hostnet.LinkFacts{
		{Link: hostnet.Link{Index: 2, Name: "br0", OperState: hostnet.OperUp, Flags: hostnet.FlagUp}},
		{Link: hostnet.Link{Index: 3, Name: "eth0", MasterIndex: 2, OperState: hostnet.OperUp, Flags: hostnet.FlagUp}},
		{Link: hostnet.Link{Index: 4, Name: "eth1", MasterIndex: 2, Flags: hostnet.FlagUp}},
	}}
	var words []string
	for _, l := range Build(f).Links {
		words = append(words, l.States[hostnet.OperationalState])
	}
	assert.Equal(t, []string{"degraded-carrier", "enslaved", "no-carrier"}, words)
}
