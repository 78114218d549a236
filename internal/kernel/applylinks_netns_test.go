package kernel

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// secondary is an address as cloud-sync adds it.
func secondary(text string) hostnet.Addr {
	a := hostnet.Addr{Prefix: prefix(text), Flags: hostnet.AddrNoPrefixRoute, Protocol: hostnet.Protocol}
	if a.Prefix.Addr().Is6() {
		a.Flags |= hostnet.AddrNoDAD
	}
	return a
}

// testAddrs are one of each shape.
func testAddrs() []hostnet.Addr {
	primary := hostnet.Addr{Prefix: prefix("192.0.2.1/24"), Protocol: hostnet.Protocol}
	near := hostnet.Addr{Prefix: prefix("169.254.7.7/16"), Scope: hostnet.ScopeLink, Protocol: hostnet.Protocol}
	peer := hostnet.Addr{Prefix: prefix("198.51.100.1/32"), Peer: address("198.51.100.2"), Protocol: hostnet.Protocol}
	peer6 := hostnet.Addr{
		Prefix: prefix("2001:db8:7::1/128"), Peer: address("2001:db8:7::2"), Flags: hostnet.AddrNoDAD, Protocol: hostnet.Protocol,
	}
	return []hostnet.Addr{
		primary, near, peer, secondary("192.0.2.5/32"), secondary("203.0.113.0/31"),
		secondary("2001:db8::5/128"), secondary("2001:db8:1::5/64"), peer6,
	}
}

func addrSteps(op hostnet.Op, index int, addrs ...hostnet.Addr) []hostnet.LinkStep {
	var steps []hostnet.LinkStep
	for _, a := range addrs {
		steps = append(steps, hostnet.LinkStep{Op: op, Index: index, Addr: a})
	}
	return steps
}

func (l *policyLab) applyLinks(steps ...hostnet.LinkStep) {
	l.t.Helper()
	failed, err := l.p.ApplyLinks(l.t.Context(), steps)
	require.NoError(l.t, err)
	require.Nil(l.t, failed)
}

// addrs are va's, less the kernel's own and the flags that are the kernel's.
func (l *policyLab) addrs() []hostnet.Addr {
	l.t.Helper()
	addrs := l.facts().Links[l.index].Addrs
	addrs = slices.DeleteFunc(addrs, func(a hostnet.Addr) bool { return a.Prefix.Addr().Is6() && a.Scope == hostnet.ScopeLink })
	for i := range addrs {
		addrs[i].Flags &= hostnet.AddrNoPrefixRoute | hostnet.AddrNoDAD
	}
	return addrs
}

func (l *policyLab) prefixes() (texts []string) {
	l.t.Helper()
	for _, a := range l.addrs() {
		texts = append(texts, a.Prefix.String())
	}
	return texts
}

// sysctl sets what /proc/sys/net says, in the namespace.
func (l *policyLab) sysctl(name, value string) {
	l.t.Helper()
	l.ns.Do(l.t, func() { require.NoError(l.t, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)) })
}

func TestAddresses(t *testing.T) {
	l := newPolicyLab(t)
	want := testAddrs()
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, want...)...)
	assert.ElementsMatch(t, want, l.addrs())
	shown := l.ip("-N addr show dev va") // which may tell the protocol next, from iproute2 6.3 on
	assert.Contains(t, shown, "inet 192.0.2.1/24 brd 192.0.2.255 scope 0 ")
	assert.Contains(t, shown, "inet 169.254.7.7/16 brd 169.254.255.255 scope 253 ")
	assert.Contains(t, shown, "inet 198.51.100.1 peer 198.51.100.2/32 scope 0 ")
	assert.Contains(t, shown, "inet 203.0.113.0/31 scope 0 noprefixroute ")
	assert.Contains(t, shown, "inet6 2001:db8::5/128 scope 0 nodad noprefixroute ")
	assert.Equal(t, strings.Count(shown, " inet"), strings.Count(shown, "valid_lft forever preferred_lft forever"))

	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, want...)...)
	assert.ElementsMatch(t, want, l.addrs(), "they are there already")
	l.applyLinks(addrSteps(hostnet.OpDelete, l.index, want[2:5]...)...)
	assert.ElementsMatch(t, slices.Delete(slices.Clone(want), 2, 5), l.addrs())
	l.applyLinks(addrSteps(hostnet.OpDelete, l.index, want...)...)
	assert.Empty(t, l.addrs())
}

func TestAddressesWithoutRoute(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	routes := func() string { return l.ip("route show dev va") + l.ip("-6 route show root 2000::/3 dev va") }
	before := routes()
	require.Contains(t, before, "2001:db8::/64")
	own := []hostnet.Addr{secondary("192.0.2.5/32"), secondary("198.18.0.5/24"), secondary("2001:db8::5/128"), secondary("2001:db8:1::5/64")}
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, own...)...)
	assert.Equal(t, before, routes())
	assert.Contains(t, l.ip("route get from 192.0.2.5 192.0.2.254"), "from 192.0.2.5 dev va")

	plain := secondary("2001:db8:2::5/64")
	plain.Flags = 0
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, plain)...)
	assert.Contains(t, routes(), "2001:db8:2::/64 proto kernel")
}

func TestAddressesWithoutDetection(t *testing.T) {
	l := newPolicyLab(t)
	l.ip("link set vb down") // without a carrier, what has begun does not end
	plain := secondary("2001:db8::6/128")
	plain.Flags = 0
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, secondary("2001:db8::5/128"), plain)...)
	usable := map[netip.Prefix]bool{}
	for _, a := range l.facts().Links[l.index].Addrs {
		if a.Protocol == hostnet.Protocol {
			usable[a.Prefix] = a.Usable()
		}
	}
	assert.Equal(t, map[netip.Prefix]bool{prefix("2001:db8::5/128"): true, plain.Prefix: false}, usable)
}

func TestAddressesOfOthers(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	assert.Zero(t, l.addrs()[0].Protocol)
	shorter, same := secondary("192.0.2.1/32"), secondary("192.0.2.1/24")
	shorter6, same6 := secondary("2001:db8::1/128"), secondary("2001:db8::1/64")
	failed, err := l.p.ApplyLinks(t.Context(), addrSteps(hostnet.OpAdd, l.index, same, same6, shorter, shorter6))
	require.NoError(t, err)
	require.Len(t, failed, 1, "IPv4 has an address once with each prefix")
	assert.ErrorContains(t, failed[3], "adding address 2001:db8::1/128 to va: file exists")
	assert.ErrorIs(t, failed[3], unix.EEXIST)
	assert.ElementsMatch(t, []string{"192.0.2.1/24", "192.0.2.1/32", "2001:db8::1/64"}, l.prefixes())

	l.applyLinks(addrSteps(hostnet.OpDelete, l.index, shorter, shorter6)...)
	assert.ElementsMatch(t, []string{"192.0.2.1/24", "2001:db8::1/64"}, l.prefixes(), "of that very prefix alone")
	for _, a := range l.addrs() {
		assert.Zero(t, a.Protocol, "what was there already stays as it was")
	}
}

// TestAddressesAfterTheirPrimary holds the kernel to what makes secondaries /32.
func TestAddressesAfterTheirPrimary(t *testing.T) {
	for _, promote := range []string{"0", "1"} {
		t.Run("promote_secondaries "+promote, func(t *testing.T) {
			l := newPolicyLab(t)
			l.sysctl("ipv4/conf/va/promote_secondaries", promote)
			l.sysctl("ipv4/conf/all/promote_secondaries", promote)
			l.ip("addr add 192.0.2.1/24 dev va")
			wide := secondary("192.0.2.6/24")
			l.applyLinks(addrSteps(hostnet.OpAdd, l.index, secondary("192.0.2.5/32"), wide)...)
			assert.Contains(t, l.ip("route get 192.0.2.254"), "src 192.0.2.1")

			l.ip("addr del 192.0.2.1/24 dev va")
			want := []string{"192.0.2.5/32"}
			if promote == "1" {
				want = append(want, "192.0.2.6/24")
			}
			assert.ElementsMatch(t, want, l.prefixes())
			l.applyLinks(addrSteps(hostnet.OpDelete, l.index, wide)...)
			l.ip("addr add 192.0.2.1/24 dev va")
			assert.Contains(t, l.ip("route get 192.0.2.254"), "src 192.0.2.1")
			assert.ElementsMatch(t, []string{"192.0.2.1/24", "192.0.2.5/32"}, l.prefixes())
		})
	}
}

// TestAddressesAndTheirOrder tells why secondaries come after the primary: a
// route of scope link without a source takes the first address.
func TestAddressesAndTheirOrder(t *testing.T) {
	l := newPolicyLab(t)
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, secondary("192.0.2.5/32"))...)
	l.ip("addr add 192.0.2.1/24 dev va")
	l.ip("route add 169.254.169.254 dev va")
	assert.Contains(t, l.ip("route get 192.0.2.254"), "src 192.0.2.1")
	assert.Contains(t, l.ip("route get 169.254.169.254"), "src 192.0.2.5")
	l.applyLinks(slices.Concat(
		addrSteps(hostnet.OpDelete, l.index, secondary("192.0.2.5/32")),
		addrSteps(hostnet.OpAdd, l.index, secondary("192.0.2.5/32")))...)
	assert.Contains(t, l.ip("route get 169.254.169.254"), "src 192.0.2.1")
}

func TestLinkSteps(t *testing.T) {
	l := newPolicyLab(t)
	l.ip("link set va down")
	l.applyLinks(hostnet.LinkStep{Index: l.index, MTUBytes: 9001})
	va := l.facts().Links[l.index]
	assert.Equal(t, 9001, va.MTUBytes)
	assert.Zero(t, va.Link.Flags&hostnet.FlagUp, "the MTU alone")
	l.applyLinks(hostnet.LinkStep{Index: l.index, Up: true})
	l.applyLinks(hostnet.LinkStep{Index: l.peer, Up: true, MTUBytes: 1400})
	facts := l.facts()
	assert.Equal(t, 9001, facts.Links[l.index].MTUBytes)
	assert.NotZero(t, facts.Links[l.index].Link.Flags&hostnet.FlagUp)
	assert.Equal(t, 1400, facts.Links[l.peer].MTUBytes)
	assert.Equal(t, va.Link.Flags|hostnet.FlagUp|hostnet.FlagRunning|hostnet.FlagLowerUp, facts.Links[l.index].Link.Flags)
}

func TestLinkStepFailures(t *testing.T) {
	l := newPolicyLab(t)
	l.ip("link set va down")
	l.sysctl("ipv6/conf/vb/disable_ipv6", "1")
	steps := slices.Concat(
		addrSteps(hostnet.OpAdd, l.index, secondary("192.0.2.5/32")),
		addrSteps(hostnet.OpAdd, 4242, secondary("192.0.2.5/32"), secondary("2001:db8::5/128")),
		addrSteps(hostnet.OpDelete, 4242, secondary("192.0.2.5/32"), secondary("2001:db8::5/128")),
		addrSteps(hostnet.OpReplace, l.index, secondary("192.0.2.6/32")),
		addrSteps(hostnet.OpDelete, l.index, hostnet.Addr{}),
		addrSteps(hostnet.OpDelete, l.index, secondary("192.0.2.9/32"), secondary("2001:db8::9/128")),
		[]hostnet.LinkStep{{Index: 4242, Up: true}, {Index: l.index, MTUBytes: 1 << 20, Up: true}},
		addrSteps(hostnet.OpAdd, l.peer, secondary("2001:db8::7/128"), secondary("192.0.2.7/32")),
	)
	failed, err := l.p.ApplyLinks(t.Context(), steps)
	require.NoError(t, err)
	assert.Equal(t, map[int]string{
		1:  "adding address 192.0.2.5/32 to if4242: link is gone",
		2:  "adding address 2001:db8::5/128 to if4242: link is gone",
		3:  "deleting address 192.0.2.5/32 from if4242: link is gone",
		4:  "deleting address 2001:db8::5/128 from if4242: link is gone",
		5:  "replacing address 192.0.2.6/32 to va: an address is added or deleted",
		6:  "setting link va: netbrk deletes no links",
		9:  "setting link if4242 up: link is gone",
		10: "setting link va mtu 1048576 up: invalid argument (mtu greater than device maximum)",
		11: "adding address 2001:db8::7/128 to vb: permission denied (ipv6: IPv6 is disabled on this device)",
	}, texts(failed))
	for _, i := range []int{1, 2, 3, 4, 9} {
		assert.ErrorIs(t, failed[i], hostnet.ErrLinkGone)
	}
	facts := l.facts()
	assert.Len(t, facts.Links, 3)
	assert.Equal(t, []string{"192.0.2.5/32"}, l.prefixes())
	assert.Zero(t, facts.Links[l.index].Link.Flags&hostnet.FlagUp, "a link whose MTU is refused stays down")
	assert.Equal(t, prefix("192.0.2.7/32"), facts.Links[l.peer].Addrs[0].Prefix, "the steps after one that is denied are done")
}

func TestAddressesBatches(t *testing.T) {
	l := newPolicyLab(t)
	var addrs []hostnet.Addr
	for i := range 750 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if i%5 == 0 {
			a = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(i >> 8), 15: byte(i)})
		}
		addrs = append(addrs, secondary(hostnet.HostPrefix(a).String()))
	}
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, addrs...)...)
	assert.ElementsMatch(t, addrs, l.addrs())
	l.applyLinks(addrSteps(hostnet.OpAdd, l.index, addrs...)...) // each of them EEXIST
	assert.ElementsMatch(t, addrs, l.addrs())
	l.applyLinks(addrSteps(hostnet.OpDelete, l.index, addrs...)...)
	assert.Empty(t, l.addrs())
}

func TestLinkStepsCancelled(t *testing.T) {
	l := newPolicyLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.p.ApplyLinks(ctx, addrSteps(hostnet.OpAdd, l.index, secondary("192.0.2.5/32")))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, l.addrs())
}

func TestLinkStepsWithoutPrivilege(t *testing.T) {
	l := newPolicyLab(t)
	l.withoutPrivilege(func(p *Policy) {
		failed, err := p.ApplyLinks(t.Context(), addrSteps(hostnet.OpAdd, l.index, testAddrs()...))
		assert.ErrorIs(t, err, os.ErrPermission)
		assert.EqualError(t, err, "changing links: operation not permitted")
		assert.Empty(t, failed)
	})
	assert.Empty(t, l.addrs())
}
