package kernel

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// host is a namespace with two veth pairs and a connection to it.
type host struct {
	*netnstest.Namespace
	conn   *Conn
	va, vb int // ifindex; their peers are vap and vbp
}

func newHost(t *testing.T) host {
	t.Helper()
	h := host{Namespace: netnstest.New(t)}
	h.va, _ = h.VethPair(t, "va", "vap")
	h.vb, _ = h.VethPair(t, "vb", "vbp")
	h.Do(t, func() {
		var err error
		h.conn, err = Open()
		require.NoError(t, err)
	})
	t.Cleanup(h.conn.Close)
	return h
}

func (h host) link(t *testing.T, index int) netlink.Link {
	t.Helper()
	link, err := h.Netlink().LinkByIndex(index)
	require.NoError(t, err)
	return link
}

func (h host) details(t *testing.T, index int) hostnet.LinkDetails {
	t.Helper()
	d, err := h.conn.LinkDetails(t.Context(), index)
	require.NoError(t, err)
	return d
}

func (h host) addAddr(t *testing.T, index int, addr netlink.Addr) {
	t.Helper()
	require.NoError(t, h.Netlink().AddrAdd(h.link(t, index), &addr))
}

func (h host) addRoute(t *testing.T, r netlink.Route) {
	t.Helper()
	require.NoError(t, h.Netlink().RouteAdd(&r), "%s", r)
}

func ipNet(t *testing.T, prefix string) *net.IPNet {
	t.Helper()
	ip, n, err := net.ParseCIDR(prefix)
	require.NoError(t, err)
	n.IP = ip
	return n
}

func TestLinkDetailsOfVeth(t *testing.T) {
	h := newHost(t)
	link := h.link(t, h.va)
	nl := h.Netlink()
	require.NoError(t, nl.LinkSetAlias(link, `up "link"`))
	require.NoError(t, nl.LinkAddAltName(link, "a-name-longer-than-fifteen"))
	require.NoError(t, nl.LinkSetMTU(link, 1400))
	require.NoError(t, nl.LinkSetTxQLen(link, 77))
	require.NoError(t, nl.LinkSetGroup(link, 5))
	require.NoError(t, nl.LinkSetHardwareAddr(link, net.HardwareAddr{2, 0, 0, 0, 0, 5}))
	require.NoError(t, nl.SetPromiscOn(link))

	d := h.details(t, h.va)
	assert.Equal(t, h.va, d.Index)
	assert.Equal(t, "va", d.Name)
	assert.Equal(t, uint16(unix.ARPHRD_ETHER), d.Type)
	assert.Equal(t, "ether", d.EncapType)
	assert.Equal(t, uint32(unix.IFF_UP|unix.IFF_LOWER_UP), d.Flags&(unix.IFF_UP|unix.IFF_LOWER_UP))
	assert.Equal(t, uint8(hostnet.OperUp), d.OperState)
	assert.Equal(t, `up "link"`, d.Alias)
	assert.Equal(t, []string{"a-name-longer-than-fifteen"}, d.AlternativeNames)
	assert.Equal(t, 1400, d.MTU)
	assert.Equal(t, 77, d.TxQueueLen)
	assert.Equal(t, uint32(5), d.Group)
	assert.Equal(t, "02:00:00:00:00:05", d.HardwareAddr)
	assert.Equal(t, 1, d.Promiscuity)
	assert.Equal(t, h.link(t, h.va).Attrs().ParentIndex, d.ParentIndex)
	assert.Positive(t, d.ParentIndex, "a veth's peer is its parent")
	assert.Equal(t, -1, d.NamespaceID)
	assert.Positive(t, d.TxQueues)
	assert.Positive(t, d.RxQueues)
	assert.Positive(t, d.GSOMaxSize)
	assert.Positive(t, d.GSOMaxSegs)
	assert.Zero(t, d.MasterIndex)
	assert.Empty(t, d.MasterKind)
	assert.False(t, d.XDP.Attached)
}

func TestLinkDetailsCountsTraffic(t *testing.T) {
	h := newHost(t)
	before := h.details(t, h.va).Statistics
	h.addAddr(t, h.va, netlink.Addr{IPNet: ipNet(t, "192.0.2.1/24")})
	h.Do(t, func() {
		conn, err := net.Dial("udp4", "192.0.2.255:9")
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, setBroadcast(conn))
		_, err = conn.Write(make([]byte, 100))
		require.NoError(t, err)
	})
	after := h.details(t, h.va).Statistics
	assert.Greater(t, after.TxPackets, before.TxPackets)
	assert.GreaterOrEqual(t, after.TxBytes, before.TxBytes+100)
}

func setBroadcast(conn net.Conn) error {
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	})
	if err != nil {
		return err
	}
	return set
}

func TestLinkDetailsOfLoopback(t *testing.T) {
	h := newHost(t)
	d := h.details(t, 1)
	assert.Equal(t, "lo", d.Name)
	assert.Equal(t, uint16(unix.ARPHRD_LOOPBACK), d.Type)
	assert.Equal(t, "loopback", d.EncapType)
	assert.Empty(t, d.HardwareAddr)
	assert.Empty(t, d.Routes)
}

func TestLinkDetailsOfBridgePort(t *testing.T) {
	h := newHost(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br0"
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	require.NoError(t, h.Netlink().LinkAdd(bridge))
	require.NoError(t, h.Netlink().LinkSetMaster(h.link(t, h.va), bridge))

	d := h.details(t, h.va)
	assert.Equal(t, bridge.Index, d.MasterIndex)
	assert.Equal(t, "bridge", d.MasterKind)
	assert.Equal(t, "Learning Flood", d.BridgePort)
}

func TestLinkDetailsAddresses(t *testing.T) {
	h := newHost(t)
	h.addAddr(t, h.va, netlink.Addr{
		IPNet: ipNet(t, "192.0.2.5/24"), Label: "va:1", Broadcast: net.IP{192, 0, 2, 255},
		ValidLft: 600, PreferedLft: 300,
	})
	h.addAddr(t, h.va, netlink.Addr{IPNet: ipNet(t, "198.51.100.1/32"), Peer: ipNet(t, "198.51.100.2/31")})
	h.addAddr(t, h.va, netlink.Addr{IPNet: ipNet(t, "2001:db8::5/64"), Flags: unix.IFA_F_NODAD})
	h.addAddr(t, h.vb, netlink.Addr{IPNet: ipNet(t, "203.0.113.5/24")})

	byPrefix := map[string]hostnet.AddrDetails{}
	for _, a := range h.details(t, h.va).Addresses {
		if !a.Prefix.Addr().IsLinkLocalUnicast() { // the kernel's own, in its own time
			byPrefix[a.Prefix.String()] = a
		}
	}
	require.Len(t, byPrefix, 3)

	dynamic := byPrefix["192.0.2.5/24"]
	assert.Equal(t, "va:1", dynamic.Label)
	assert.Equal(t, netip.MustParseAddr("192.0.2.255"), dynamic.Broadcast)
	assert.InDelta(t, 300, dynamic.PreferredSeconds, 60)
	assert.InDelta(t, 600, dynamic.ValidSeconds, 60)
	assert.Zero(t, dynamic.Flags&unix.IFA_F_PERMANENT)
	assert.False(t, dynamic.Peer.IsValid())

	pointToPoint := byPrefix["198.51.100.1/31"]
	assert.Equal(t, netip.MustParseAddr("198.51.100.2"), pointToPoint.Peer)
	assert.Equal(t, uint32(1<<32-1), pointToPoint.ValidSeconds)
	assert.NotZero(t, pointToPoint.Flags&unix.IFA_F_PERMANENT)

	v6 := byPrefix["2001:db8::5/64"]
	assert.NotZero(t, v6.Flags&unix.IFA_F_NODAD)
	assert.True(t, v6.Usable())
	assert.Empty(t, v6.Label)
	assert.False(t, v6.Broadcast.IsValid())

	v4, v6Reach := h.details(t, h.va).Reaches()
	assert.Equal(t, hostnet.ReachRoutable, v4)
	assert.Equal(t, hostnet.ReachRoutable, v6Reach)
}

func TestLinkDetailsRoutes(t *testing.T) {
	h := newHost(t)
	h.addAddr(t, h.va, netlink.Addr{IPNet: ipNet(t, "192.0.2.5/24")})
	h.addAddr(t, h.vb, netlink.Addr{IPNet: ipNet(t, "203.0.113.5/24")})
	gateway := net.ParseIP("192.0.2.1")
	h.addRoute(t, netlink.Route{Dst: ipNet(t, "0.0.0.0/0"), Gw: gateway, LinkIndex: h.va, Priority: 1024, Protocol: 16})
	h.addRoute(t, netlink.Route{Dst: ipNet(t, "::/0"), LinkIndex: h.va, Priority: 2048})
	h.addRoute(t, netlink.Route{
		Dst: ipNet(t, "10.0.0.0/8"), Gw: net.ParseIP("172.16.0.1"), LinkIndex: h.va, Table: 10007,
		Src: net.ParseIP("192.0.2.5"), Flags: int(netlink.FLAG_ONLINK), MTU: 1400, AdvMSS: 1360, Tos: 16,
	})
	h.addRoute(t, netlink.Route{Dst: ipNet(t, "198.51.100.0/24"), MultiPath: []*netlink.NexthopInfo{
		{LinkIndex: h.va, Gw: gateway},
		{LinkIndex: h.vb, Gw: net.ParseIP("203.0.113.1"), Hops: 2},
	}})
	h.addRoute(t, netlink.Route{
		Dst: ipNet(t, "198.18.0.0/15"), LinkIndex: h.va,
		Via: &netlink.Via{AddrFamily: unix.AF_INET6, Addr: net.ParseIP("fe80::1")},
	})
	h.addRoute(t, netlink.Route{Dst: ipNet(t, "172.31.0.0/16"), LinkIndex: h.vb})

	byDestination := func(index int) map[string]hostnet.RouteDetails {
		d := h.details(t, index)
		assert.False(t, d.RoutesTruncated)
		all := map[string]hostnet.RouteDetails{}
		for _, r := range d.Routes {
			assert.NotEqual(t, hostnet.TableLocal, r.Table)
			all[r.Destination.String()] = r
		}
		return all
	}
	va := byDestination(h.va)
	delete(va, "fe80::/64") // comes with the link-local address, in the kernel's own time
	delete(va, "ff00::/8")
	assert.Len(t, va, 6)
	assert.Equal(t, hostnet.RouteDetails{
		Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.1"),
		Protocol: 16, Priority: 1024, Table: hostnet.TableMain, Type: unix.RTN_UNICAST,
	}, va["0.0.0.0/0"])
	assert.Equal(t, 2048, va["::/0"].Priority)
	assert.Equal(t, hostnet.RouteDetails{
		Destination: netip.MustParsePrefix("192.0.2.0/24"), Source: netip.MustParseAddr("192.0.2.5"),
		Scope: hostnet.ScopeLink, Protocol: unix.RTPROT_KERNEL, Table: hostnet.TableMain, Type: unix.RTN_UNICAST,
	}, va["192.0.2.0/24"])
	assert.Equal(t, hostnet.RouteDetails{
		Destination: netip.MustParsePrefix("10.0.0.0/8"), Gateway: netip.MustParseAddr("172.16.0.1"),
		Source: netip.MustParseAddr("192.0.2.5"), Flags: []string{"onlink"}, MTU: 1400, AdvMSS: 1360, TOS: 16,
		Protocol: unix.RTPROT_BOOT, Table: 10007, Type: unix.RTN_UNICAST,
	}, va["10.0.0.0/8"])
	multipath := va["198.51.100.0/24"]
	assert.Equal(t, []hostnet.NextHop{
		{Link: "va", Gateway: netip.MustParseAddr("192.0.2.1"), Weight: 1},
		{Link: "vb", Gateway: netip.MustParseAddr("203.0.113.1"), Weight: 3},
	}, multipath.NextHops)
	assert.Equal(t, netip.MustParseAddr("fe80::1"), va["198.18.0.0/15"].Gateway)

	vb := byDestination(h.vb)
	assert.Equal(t, multipath, vb["198.51.100.0/24"], "a multipath route is one of each of its links")
	assert.Contains(t, vb, "172.31.0.0/16")
	assert.NotContains(t, vb, "10.0.0.0/8")
}

func TestLinkDetailsOfAFullTable(t *testing.T) {
	h := newHost(t)
	gateway := net.ParseIP("192.0.2.1")
	h.addAddr(t, h.va, netlink.Addr{IPNet: ipNet(t, "192.0.2.5/24")})
	for i := range 2*hostnet.MaxRoutes + 500 {
		h.addRoute(t, netlink.Route{
			Dst: &net.IPNet{IP: net.IPv4(10, byte(i>>8), byte(i), 0), Mask: net.CIDRMask(24, 32)},
			Gw:  gateway, LinkIndex: h.va,
		})
	}
	// In the kernel's order these two come last.
	h.addRoute(t, netlink.Route{Dst: ipNet(t, "198.51.100.0/23"), Gw: gateway, LinkIndex: h.va})
	h.addRoute(t, netlink.Route{Dst: ipNet(t, "::/0"), LinkIndex: h.va})

	d := h.details(t, h.va)
	assert.True(t, d.RoutesTruncated)
	require.Len(t, d.Routes, hostnet.MaxRoutes)
	assert.Equal(t, netip.MustParsePrefix("::/0"), d.Routes[0].Destination)
	assert.Equal(t, netip.MustParsePrefix("192.0.2.0/24"), d.Routes[1].Destination)
	var shorter, last int
	for i, r := range d.Routes {
		if r.Destination == netip.MustParsePrefix("198.51.100.0/23") {
			shorter = i
		}
		if r.Destination.Bits() == 24 {
			last = i
		}
	}
	assert.Positive(t, shorter)
	assert.Less(t, shorter, last)
	assert.Equal(t, hostnet.MaxRoutes-1, last, "the first of the /24s fill the rest")

	// vb has no part in that, and the kernel does not even tell it: with a
	// full table on another link a hook must not wait.
	told := 0
	err := h.conn.handle.RouteListFilteredIter(netlink.FAMILY_ALL, &netlink.Route{LinkIndex: h.vb},
		netlink.RT_FILTER_TABLE, func(r netlink.Route) bool {
			told++
			assert.Equal(t, h.vb, r.LinkIndex)
			return true
		})
	require.NoError(t, err)
	assert.Less(t, told, 10)
}

func TestKernelFiltersAddresses(t *testing.T) {
	h := newHost(t)
	h.addAddr(t, h.va, netlink.Addr{IPNet: ipNet(t, "192.0.2.5/24")})
	req := h.conn.request(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	req.AddRawData(addrDumpBody(h.vb))
	answer, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	require.NoError(t, err)
	for _, body := range answer {
		assert.Equal(t, uint32(h.vb), native32(body[4:]))
	}
}

// addrDumpBody is a struct ifaddrmsg that asks for one link.
func addrDumpBody(index int) []byte {
	return []byte{unix.AF_UNSPEC, 0, 0, 0, byte(index), byte(index >> 8), 0, 0}
}

func TestLinkLookups(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.Netlink().LinkAddAltName(h.link(t, h.va), "a-name-longer-than-fifteen"))

	name, err := h.conn.LinkName(h.va)
	require.NoError(t, err)
	assert.Equal(t, "va", name)
	for _, name := range []string{"va", "a-name-longer-than-fifteen"} {
		index, err := h.conn.LinkIndex(name)
		require.NoError(t, err)
		assert.Equal(t, h.va, index)
	}

	long := string(make([]byte, 200))
	for _, name := range []string{"", "nope", "va\x00", "a-name-that-no-link-has", long} {
		_, err = h.conn.LinkIndex(name)
		assert.ErrorIs(t, err, hostnet.ErrLinkGone, "%q", name)
	}
	for _, index := range []int{0, -1, 4711, 1<<31 - 1} {
		_, err = h.conn.LinkName(index)
		assert.ErrorIs(t, err, hostnet.ErrLinkGone, "%d", index)
		_, err = h.conn.LinkDetails(t.Context(), index)
		assert.ErrorIs(t, err, hostnet.ErrLinkGone, "%d", index)
	}
}

func TestLinkGoneInTheMiddle(t *testing.T) {
	h := newHost(t)
	require.NoError(t, h.Netlink().LinkDel(h.link(t, h.va)))
	_, err := h.conn.addresses(h.va)
	assert.ErrorIs(t, goneError(err), hostnet.ErrLinkGone)
	_, _, err = h.conn.routes(t.Context(), h.va)
	assert.ErrorIs(t, goneError(err), hostnet.ErrLinkGone)
}

func TestLinkDetailsIsCancelled(t *testing.T) {
	h := newHost(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.conn.LinkDetails(ctx, h.va)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestConnStaysInItsNamespace(t *testing.T) {
	h, other := newHost(t), newHost(t)
	require.NoError(t, h.Netlink().LinkSetName(h.link(t, h.va), "renamed"))
	name, err := h.conn.LinkName(h.va)
	require.NoError(t, err)
	assert.Equal(t, "renamed", name)
	name, err = other.conn.LinkName(other.va)
	require.NoError(t, err)
	assert.Equal(t, "va", name)
}
