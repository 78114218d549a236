package kernel

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// fibHost is a host whose va has addresses and a table.
func fibHost(t *testing.T) (h host, names map[int]string) {
	t.Helper()
	h = newHost(t)
	h.IP(t, "addr add 192.0.2.1/24 dev va")
	h.IP(t, "addr add 2001:db8::1/64 dev va nodad")
	names, err := h.conn.LinkNames(t.Context())
	require.NoError(t, err)
	return h, names
}

func TestFIBRules(t *testing.T) {
	h, _ := fibHost(t)
	for _, rule := range []string{
		"from 192.0.2.1 lookup 10002 suppress_prefixlength 0 priority 100 protocol 110",
		"not to 198.51.100.0/24 fwmark 0x7/0xff lookup 70000 priority 101",
		"iif va oif vb tos 0x10 goto 32766 priority 102",
		"ipproto tcp dport 53 uidrange 0-9 blackhole priority 103",
		"prohibit priority 104",
	} {
		h.IP(t, "rule add "+rule)
	}
	h.IP(t, "-6 rule add from 2001:db8::1 lookup 10002 priority 100")
	told := func(family hostnet.Family) (texts []string) {
		rules, err := h.conn.FIBRules(t.Context(), family)
		require.NoError(t, err)
		for _, r := range rules {
			assert.Equal(t, family, r.Family)
			if r.Priority >= 100 && r.Priority < 200 {
				texts = append(texts, r.String())
			}
		}
		return texts
	}
	assert.Equal(t, []string{
		"from 192.0.2.1 lookup 10002 suppress_prefixlength 0",
		"not from all to 198.51.100.0/24 fwmark 0x7/0xff lookup 70000",
		"from all tos 0x10 iif va oif vb goto 32766",
		"from all uidrange dport ipproto blackhole",
		"from all prohibit",
	}, told(hostnet.IPv4))
	assert.Equal(t, []string{"from 2001:db8::1 lookup 10002"}, told(hostnet.IPv6))
}

func TestFIBRoutes(t *testing.T) {
	h, names := fibHost(t)
	h.IP(t, "addr add 203.0.113.1/24 dev vb")
	for _, route := range []string{
		"default via 192.0.2.254 dev va metric 50",
		"10.1.0.0/16 via inet6 2001:db8::2 dev va",
		"10.2.0.0/16 nexthop via 192.0.2.252 dev va nexthop via 203.0.113.252 dev vb",
		"10.3.0.0/16 nexthop via inet6 2001:db8::3 dev va nexthop via 203.0.113.252 dev vb",
		"blackhole 10.4.0.0/16",
		"10.5.0.0/16 dev va",
	} {
		h.IP(t, "route add table 10002 "+route)
	}
	h.IP(t, "-6 route add default via fe80::1 dev va table 10002")
	told := func(family hostnet.Family, table uint32) (texts []string) {
		routes, err := h.conn.FIBRoutes(t.Context(), family, table, names)
		require.NoError(t, err)
		for _, r := range routes {
			assert.Equal(t, table, r.Table)
			texts = append(texts, r.String())
		}
		return texts
	}
	assert.Equal(t, []string{
		"default via 192.0.2.254 dev va metric 50",
		"10.1.0.0/16 via inet6 2001:db8::2 dev va",
		"10.2.0.0/16 via 192.0.2.252 dev va and 1 more hop",
		"10.3.0.0/16 via inet6 2001:db8::3 dev va and 1 more hop",
		"blackhole 10.4.0.0/16",
		"10.5.0.0/16 dev va",
	}, told(hostnet.IPv4, 10002))
	assert.Equal(t, []string{"default via fe80::1 dev va metric 1024"}, told(hostnet.IPv6, 10002))
	assert.Empty(t, told(hostnet.IPv4, 4242), "a table that nobody made")
}

func TestRouteOf(t *testing.T) {
	h, names := fibHost(t)
	h.IP(t, "-4 route add default via inet6 2001:db8::2 dev va")
	h.IP(t, "route add blackhole 10.1.0.0/16")
	h.IP(t, "route add unreachable 10.2.0.0/16")
	h.IP(t, "route add prohibit 10.3.0.0/16")
	h.IP(t, "-6 route add 2001:db8:1::/48 via 2001:db8::3 dev va")
	for to, want := range map[string]string{
		"192.0.2.9":     "192.0.2.0/24 dev va",
		"198.51.100.1":  "default via inet6 2001:db8::2 dev va",
		"2001:db8:1::9": "2001:db8:1::/48 via 2001:db8::3 dev va metric 1024",
	} {
		from := netip.MustParseAddr("192.0.2.1")
		if netip.MustParseAddr(to).Is6() {
			from = netip.MustParseAddr("2001:db8::1")
		}
		route, err := h.conn.RouteOf(from, netip.MustParseAddr(to), names)
		require.NoError(t, err, to)
		assert.Equal(t, want, route.String())
	}
	for to, want := range map[string]error{
		"10.1.0.1": unix.EINVAL, "10.2.0.1": unix.EHOSTUNREACH, "10.3.0.1": unix.EACCES, "2001:db8:2::1": unix.ENETUNREACH,
	} {
		from := netip.MustParseAddr("192.0.2.1")
		if netip.MustParseAddr(to).Is6() {
			from = netip.MustParseAddr("2001:db8::1")
		}
		_, err := h.conn.RouteOf(from, netip.MustParseAddr(to), names)
		var none ErrNoRoute
		require.True(t, errors.As(err, &none), "%s: %v", to, err)
		assert.Equal(t, want, none.Errno, to)
	}
}

func TestLinkAddresses(t *testing.T) {
	h, _ := fibHost(t)
	addresses, err := h.conn.LinkAddresses(t.Context(), h.va)
	require.NoError(t, err)
	assert.Subset(t, addresses, []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")})
	_, err = h.conn.LinkAddresses(t.Context(), 4711)
	assert.ErrorIs(t, err, hostnet.ErrLinkGone)
}
