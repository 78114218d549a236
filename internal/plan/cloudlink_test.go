package plan_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

func cloudAddr(role hostnet.Role, prefix string) hostnet.CloudAddress {
	p := netip.MustParsePrefix(prefix)
	return hostnet.CloudAddress{Addr: p.Addr(), Bits: p.Bits(), Role: role}
}

func onLink(protocol uint8, prefixes ...string) []hostnet.Addr {
	var addrs []hostnet.Addr
	for _, p := range prefixes {
		addrs = append(addrs, hostnet.Addr{Prefix: netip.MustParsePrefix(p), Protocol: protocol})
	}
	return addrs
}

// twoAddresses is a NIC with a primary and a secondary address.
func twoAddresses() hostnet.NIC {
	return hostnet.NIC{Addresses: []hostnet.CloudAddress{
		cloudAddr(hostnet.RolePrimary, "192.0.2.10/24"), cloudAddr(hostnet.RoleSecondary, "192.0.2.11/24"),
	}}
}

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

func TestWantLink(t *testing.T) {
	const keeper = "systemd-networkd"
	tests := []struct {
		name   string
		nic    hostnet.NIC
		keeper string
		down   bool
		addrs  []hostnet.Addr
		added  []netip.Prefix
		mtuSet int
		want   []string
		owns   []netip.Prefix
		notes  []string
	}{
		{
			name: "kept by DHCP", nic: twoAddresses(), keeper: keeper, addrs: onLink(0, "192.0.2.10/24"),
			want: []string{"ip -4 address add 192.0.2.11/32 dev eth1 noprefixroute"}, owns: prefixes("192.0.2.11/32"),
		},
		{
			name: "before DHCP has answered", nic: twoAddresses(), keeper: keeper,
			notes: []string{"192.0.2.11 waits for the primary IPv4 address"},
		},
		{
			name: "nobody's", nic: twoAddresses(), down: true,
			want: []string{
				"ip link set dev eth1 up", "ip -4 address add 192.0.2.10/24 dev eth1",
				"ip -4 address add 192.0.2.11/32 dev eth1 noprefixroute",
			},
			owns: prefixes("192.0.2.10/24", "192.0.2.11/32"),
		},
		{
			name: "down, by whoever keeps it", nic: twoAddresses(), keeper: keeper, down: true, addrs: onLink(0, "192.0.2.10/24"),
			want:  []string{"ip -4 address add 192.0.2.11/32 dev eth1 noprefixroute"},
			owns:  prefixes("192.0.2.11/32"),
			notes: []string{"link is down, which is for systemd-networkd to say"},
		},
		{
			name: "all there", nic: twoAddresses(), keeper: keeper,
			addrs: append(onLink(0, "192.0.2.10/24"), onLink(hostnet.Protocol, "192.0.2.11/32")...),
			added: prefixes("192.0.2.11/32"), owns: prefixes("192.0.2.11/32"),
		},
		{
			name: "an owner's own secondary, in his own way", nic: twoAddresses(), keeper: keeper,
			addrs: onLink(0, "192.0.2.10/24", "192.0.2.11/24"),
		},
		{
			name: "withdrawn", keeper: keeper, nic: hostnet.NIC{Addresses: twoAddresses().Addresses[:1]},
			addrs: onLink(0, "192.0.2.10/24", "192.0.2.11/32", "192.0.2.77/32"), added: prefixes("192.0.2.11/32"), owns: prefixes("192.0.2.11/32"),
			want: []string{"ip -4 address delete 192.0.2.11/32 dev eth1"},
		},
		{
			name: "withdrawn, and the ledger is lost", keeper: keeper, nic: hostnet.NIC{Addresses: twoAddresses().Addresses[:1]},
			addrs: append(onLink(0, "192.0.2.10/24", "192.0.2.77/32"), onLink(hostnet.Protocol, "192.0.2.11/32")...),
			want:  []string{"ip -4 address delete 192.0.2.11/32 dev eth1"}, owns: prefixes("192.0.2.11/32"),
		},
		{
			name: "flushed by somebody", nic: twoAddresses(), keeper: keeper, addrs: onLink(0, "192.0.2.10/24"),
			added: prefixes("192.0.2.11/32"), owns: prefixes("192.0.2.11/32"),
			want: []string{"ip -4 address add 192.0.2.11/32 dev eth1 noprefixroute"},
		},
		{
			name: "IPv6", keeper: keeper, addrs: onLink(0, "2001:db8::10/128"),
			nic: hostnet.NIC{Addresses: []hostnet.CloudAddress{
				cloudAddr(hostnet.RolePrimary, "2001:db8::10/64"), cloudAddr(hostnet.RoleSecondary, "2001:db8::11/64"),
			}},
			want: []string{"ip -6 address add 2001:db8::11/128 dev eth1 noprefixroute nodad"}, owns: prefixes("2001:db8::11/128"),
		},
		{
			name: "static though somebody keeps it", keeper: keeper,
			nic:  hostnet.NIC{Static: true, Addresses: twoAddresses().Addresses[:1]},
			want: []string{"ip -4 address add 192.0.2.10/24 dev eth1"}, owns: prefixes("192.0.2.10/24"),
		},
		{name: "MTU", nic: hostnet.NIC{MTUBytes: 1460}, keeper: keeper, want: []string{"ip link set dev eth1 mtu 1460"}},
		{name: "MTU that somebody changed since", nic: hostnet.NIC{MTUBytes: 1460}, keeper: keeper, mtuSet: 1460},
		{
			name: "what no cloud hands out", keeper: keeper,
			nic: hostnet.NIC{Addresses: []hostnet.CloudAddress{
				cloudAddr(hostnet.RoleSecondary, "127.0.0.2/8"), cloudAddr(hostnet.RoleSecondary, "169.254.9.9/16"), cloudAddr(hostnet.RoleSecondary, "224.0.0.9/32"),
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			facts := hostnet.LinkFacts{Link: hostnet.Link{Index: 3, Name: "eth1", Flags: hostnet.FlagUp}, MTUBytes: 1500, Addrs: tt.addrs}
			if tt.down {
				facts.Link.Flags = 0
			}
			want := plan.WantLink(plan.CloudLink{LinkFacts: facts, NIC: tt.nic, Keeper: tt.keeper, Added: tt.added, MTUSet: tt.mtuSet})
			var commands []string
			for _, s := range want.Steps {
				commands = append(commands, s.Command(func(int) string { return "eth1" }))
			}
			assert.Equal(t, tt.want, commands)
			assert.Equal(t, tt.owns, want.Added)
			assert.Equal(t, tt.notes, want.Notes)
		})
	}
}

func TestForget(t *testing.T) {
	facts := hostnet.LinkFacts{
		Link:  hostnet.Link{Index: 3},
		Addrs: append(onLink(0, "192.0.2.10/24", "192.0.2.11/32", "192.0.2.12/32"), onLink(hostnet.Protocol, "192.0.2.13/32")...),
	}
	want := plan.Forget(facts, prefixes("192.0.2.11/32"))
	var gone []netip.Prefix
	for _, s := range want.Steps {
		assert.Equal(t, hostnet.OpDelete, s.Op)
		gone = append(gone, s.Addr.Prefix)
	}
	assert.Equal(t, prefixes("192.0.2.11/32", "192.0.2.13/32"), gone, "by the ledger, and by its mark")
	assert.Equal(t, gone, want.Added, "until they are gone")
	facts.Addrs = facts.Addrs[:1]
	assert.Empty(t, plan.Forget(facts, want.Added).Added)
}

func TestWantLinkRoutes(t *testing.T) {
	nic := hostnet.NIC{
		Ranges:  []hostnet.CloudRange{{Prefix: netip.MustParsePrefix("10.9.0.16/28"), Kind: "alias"}, {Prefix: netip.MustParsePrefix("2001:db8:9::/80"), Kind: "delegated"}},
		Subnets: prefixes("10.0.0.0/24"),
		Routes: []hostnet.CloudRoute{
			{Destination: netip.MustParsePrefix("10.0.0.0/8"), Gateway: netip.MustParseAddr("10.0.0.1")},
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.0.0.1")},
		},
	}
	flags := uint32(hostnet.FlagUp)
	routes := func(keeper string) (texts []string) {
		facts := hostnet.LinkFacts{Link: hostnet.Link{Index: 3, Name: "eth1", Flags: flags}}
		for _, r := range plan.WantLink(plan.CloudLink{LinkFacts: facts, NIC: nic, Keeper: keeper}).Routes {
			assert.EqualValues(t, hostnet.Protocol, r.Protocol)
			texts = append(texts, r.Describe("eth1"))
		}
		return texts
	}
	ranges := []string{"local 10.9.0.16/28 dev eth1 table local", "local 2001:db8:9::/80 dev eth1 table local metric 1024"}
	assert.Equal(t, ranges, routes("NetworkManager"), "the keeper has the others by DHCP")
	assert.Equal(t, append(ranges, "10.0.0.0/8 via 10.0.0.1 dev eth1 table main"), routes(""))
	flags = 0
	assert.Equal(t, ranges[:1], routes("NetworkManager"), "a link that is down takes no IPv6 route")
	assert.Equal(t, ranges[:1], routes(""), "until it was set up")
}

func TestCloudGateways(t *testing.T) {
	nic := hostnet.NIC{Gateway6: netip.MustParseAddr("fe80::1"), FirstHost: true, Subnets: prefixes("10.0.1.0/24", "2001:db8::/64", "10.0.2.4/31")}
	assert.Equal(t, []plan.Gateway{
		{Addr: netip.MustParseAddr("fe80::1"), Source: "metadata"}, {Addr: netip.MustParseAddr("10.0.1.1"), Source: "subnet"},
	}, plan.CloudGateways(nic))
}
