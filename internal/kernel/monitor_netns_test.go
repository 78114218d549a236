package kernel

import (
	"fmt"
	"maps"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// messageWait is how long a message that must come may take. It bounds a
// test that fails; one that passes never waits for it.
const messageWait = 10 * time.Second

// follower is a monitor in a namespace and what it has told up to now.
type follower struct {
	t     *testing.T
	ns    *netnstest.Namespace
	m     *Monitor
	links map[int]hostnet.Link
	// The others, by digest and link, with their text.
	sets map[hostnet.Object]map[member]string
}

type member struct {
	index  int
	digest uint64
}

func follow(t *testing.T) *follower {
	t.Helper()
	return followIn(t, netnstest.New(t))
}

func followIn(t *testing.T, ns *netnstest.Namespace) *follower {
	t.Helper()
	f := &follower{t: t, ns: ns}
	f.ns.Do(t, func() {
		m, err := OpenMonitor()
		require.NoError(t, err)
		f.m = m
	})
	t.Cleanup(func() { assert.NoError(t, f.m.Close()) })
	f.dump()
	return f
}

func (f *follower) dump() {
	f.links, f.sets = f.snapshot()
}

func (f *follower) snapshot() (map[int]hostnet.Link, map[hostnet.Object]map[member]string) {
	f.t.Helper()
	links := map[int]hostnet.Link{}
	sets := map[hostnet.Object]map[member]string{}
	f.ns.Do(f.t, func() {
		for _, object := range []hostnet.Object{hostnet.ObjectLink, hostnet.ObjectAddr, hostnet.ObjectRoute, hostnet.ObjectRule} {
			err := f.m.Dump(object,
				func() { sets[object] = map[member]string{} },
				func(c hostnet.Change) { take(f.m, links, sets, c) })
			require.NoError(f.t, err)
		}
	})
	return links, sets
}

func take(m *Monitor, links map[int]hostnet.Link, sets map[hostnet.Object]map[member]string, c hostnet.Change) {
	if c.Object == hostnet.ObjectLink {
		if c.Gone {
			delete(links, c.Index)
		} else {
			links[c.Index] = c.Link
		}
		return
	}
	if c.Addr.Scope == hostnet.ScopeLink {
		return // the kernel's own, dumped before duplicate detection lets it be told
	}
	key := member{c.Index, c.Digest}
	if c.Gone {
		delete(sets[c.Object], key)
	} else {
		sets[c.Object][key] = m.Describe(c)
	}
}

// until reads messages until one satisfies done.
func (f *follower) until(what string, done func(hostnet.Change) bool) hostnet.Change {
	f.t.Helper()
	timeout := time.After(messageWait)
	for {
		select {
		case <-f.m.Readable():
		case <-timeout:
			f.t.Fatalf("no message told: %s", what)
		}
		var found *hostnet.Change
		err := f.m.Receive(func(c hostnet.Change) {
			take(f.m, f.links, f.sets, c)
			if found == nil && done(c) {
				c.Raw = append([]byte(nil), c.Raw...)
				found = &c
			}
		})
		f.m.Rearm()
		require.NoError(f.t, err)
		if found != nil {
			return *found
		}
	}
}

// mark adds a rule and waits for its message: what was told before is read.
func (f *follower) mark(priority int) {
	f.t.Helper()
	before := len(f.sets[hostnet.ObjectRule])
	rule := netlink.NewRule()
	rule.Priority, rule.Table = priority, 4242
	require.NoError(f.t, f.ns.Netlink().RuleAdd(rule))
	f.until("a rule", func(hostnet.Change) bool { return len(f.sets[hostnet.ObjectRule]) > before })
}

// agrees compares what notifications built up with a dump. The kernel does
// some things by itself when a link comes up, so one of several must agree.
func (f *follower) agrees(priority int) {
	f.t.Helper()
	links, sets := f.snapshot()
	for i := range 10 {
		if reflect.DeepEqual(links, f.links) && reflect.DeepEqual(sets, f.sets) {
			return
		}
		f.mark(priority + i)
		links, sets = f.snapshot()
	}
	assert.Equal(f.t, links, f.links)
	assert.Equal(f.t, sets, f.sets)
}

func TestMonitorTellsOfLinks(t *testing.T) {
	f := follow(t)
	nl := f.ns.Netlink()
	index, peer := f.ns.VethPair(t, "va", "vb")
	up := func(c hostnet.Change) bool {
		return c.Object == hostnet.ObjectLink && c.Index == index && c.Link.HasCarrier()
	}
	f.until("carrier", up)
	link, err := nl.LinkByName("va")
	require.NoError(t, err)

	require.NoError(t, nl.LinkSetDown(link))
	f.until("link down", func(c hostnet.Change) bool {
		return c.Index == index && c.Link.Flags&hostnet.FlagUp == 0 && c.Link.Name == "va"
	})
	require.NoError(t, nl.LinkSetName(link, "odd@+,~"))
	f.until("rename", func(c hostnet.Change) bool { return c.Index == index && c.Link.Name == "odd@+,~" })

	// A bridge tells of a port's end in an RTM_DELLINK of its own family.
	bridge := netlink.NewLinkAttrs()
	bridge.Name = "br"
	require.NoError(t, nl.LinkAdd(&netlink.Bridge{LinkAttrs: bridge}))
	br, err := nl.LinkByName("br")
	require.NoError(t, err)
	require.NoError(t, nl.LinkSetMaster(link, br))
	f.until("membership", func(c hostnet.Change) bool { return c.Index == index && c.Link.MasterIndex == br.Attrs().Index })
	require.NoError(t, nl.LinkSetNoMaster(link))
	f.until("end of membership", func(c hostnet.Change) bool {
		assert.False(t, c.Gone, "%+v", c.Link)
		return c.Index == index && c.Link.MasterIndex == 0
	})
	f.mark(100)
	f.agrees(1000)

	require.NoError(t, nl.LinkDel(link))
	f.until("removal", func(c hostnet.Change) bool { return c.Gone && c.Object == hostnet.ObjectLink && c.Index == peer })
	f.mark(101)
	f.agrees(2000)
	assert.NotContains(t, f.links, index)
}

func TestMonitorTellsOfAddressesRoutesAndRules(t *testing.T) {
	f := follow(t)
	nl := f.ns.Netlink()
	index, peer := f.ns.VethPair(t, "va", "vb")
	link, err := nl.LinkByName("va")
	require.NoError(t, err)

	addr := &netlink.Addr{IPNet: ipNet(t, "192.0.2.1/24")}
	require.NoError(t, nl.AddrAdd(link, addr))
	c := f.until("address", func(c hostnet.Change) bool { return c.Object == hostnet.ObjectAddr && c.Addr.Prefix.Addr().Is4() })
	assert.Equal(t, "192.0.2.1/24", f.m.Describe(c))
	assert.Equal(t, index, c.Index)
	p2p := &netlink.Addr{IPNet: ipNet(t, "198.51.100.1/32"), Peer: ipNet(t, "198.51.100.2/32")}
	require.NoError(t, nl.AddrAdd(link, p2p))
	c = f.until("point-to-point address", func(c hostnet.Change) bool { return c.Addr.Peer.IsValid() })
	assert.Equal(t, "198.51.100.1 peer 198.51.100.2/32", f.m.Describe(c))
	other, err := nl.LinkByName("vb")
	require.NoError(t, err)
	require.NoError(t, nl.AddrAdd(other, &netlink.Addr{IPNet: ipNet(t, "203.0.113.1/24")}))
	v6 := &netlink.Addr{IPNet: ipNet(t, "2001:db8::1/64"), Flags: unix.IFA_F_NODAD}
	require.NoError(t, nl.AddrAdd(link, v6))
	f.until("IPv6 address", func(c hostnet.Change) bool { return c.Addr.Prefix.Addr().String() == "2001:db8::1" })

	routes := []struct {
		want  string
		route netlink.Route
		links []int
	}{
		{"10.1.0.0/16 via 192.0.2.254 table 7 src 192.0.2.1 metric 50", netlink.Route{
			Dst: ipNet(t, "10.1.0.0/16"), Gw: net.IPv4(192, 0, 2, 254), LinkIndex: index, Table: 7, Priority: 50, Src: net.IPv4(192, 0, 2, 1),
		}, []int{index}},
		{"default via 192.0.2.254 table 100000", netlink.Route{Gw: net.IPv4(192, 0, 2, 254), LinkIndex: index, Table: 100000}, []int{index}},
		{"blackhole 10.2.0.0/16", netlink.Route{Dst: ipNet(t, "10.2.0.0/16"), Type: unix.RTN_BLACKHOLE}, []int{0}},
		{"10.3.0.0/16", netlink.Route{Dst: ipNet(t, "10.3.0.0/16"), MultiPath: []*netlink.NexthopInfo{
			{LinkIndex: index, Gw: net.IPv4(192, 0, 2, 253)}, {LinkIndex: peer, Gw: net.IPv4(203, 0, 113, 2)},
		}}, []int{index, peer}},
		{"2001:db8:1::/48 via 2001:db8::2 metric 1024", netlink.Route{Dst: ipNet(t, "2001:db8:1::/48"), Gw: net.ParseIP("2001:db8::2"), LinkIndex: index}, []int{index}},
		{"10.4.0.0/16 via inet6 2001:db8::2", netlink.Route{Dst: ipNet(t, "10.4.0.0/16"), LinkIndex: index, Via: &netlink.Via{
			AddrFamily: unix.AF_INET6, Addr: net.ParseIP("2001:db8::2"),
		}}, []int{index}},
	}
	for i, r := range routes {
		require.NoError(t, nl.RouteAdd(&r.route), r.want)
		f.mark(200 + i)
		var links []int
		for key, text := range f.sets[hostnet.ObjectRoute] {
			if text == r.want {
				links = append(links, key.index)
			}
		}
		assert.ElementsMatch(t, r.links, links, r.want)
	}
	f.agrees(1000)

	// The kernel tells of the new route only.
	replaced := routes[0].route
	replaced.Gw = net.IPv4(192, 0, 2, 252)
	require.NoError(t, nl.RouteReplace(&replaced))
	c = f.until("replacement", func(c hostnet.Change) bool { return c.Object == hostnet.ObjectRoute && c.Index == index })
	assert.True(t, c.Replaced)
	assert.EqualValues(t, 7, c.Table)
	assert.EqualValues(t, unix.RTPROT_BOOT, c.Protocol)

	require.NoError(t, nl.RouteDel(&routes[3].route))
	f.until("removal of a route", func(c hostnet.Change) bool { return c.Gone && c.Object == hostnet.ObjectRoute && c.Index == peer })
	require.NoError(t, nl.AddrDel(link, p2p))
	f.until("removal of an address", func(c hostnet.Change) bool { return c.Gone && c.Addr.Peer.IsValid() })
	rule := netlink.NewRule()
	rule.Priority, rule.Table = 200, 4242
	require.NoError(t, nl.RuleDel(rule))
	c = f.until("removal of a rule", func(c hostnet.Change) bool { return c.Gone && c.Object == hostnet.ObjectRule })
	assert.Zero(t, c.Index)
	assert.EqualValues(t, 4242, c.Table)
	_, sets := f.snapshot()
	assert.Equal(t, sets[hostnet.ObjectRule], f.sets[hostnet.ObjectRule])
	assert.Equal(t, sets[hostnet.ObjectAddr], f.sets[hostnet.ObjectAddr])
}

func TestMonitorOverrun(t *testing.T) {
	f := follow(t)
	nl := f.ns.Netlink()
	index, _ := f.ns.VethPair(t, "va", "vb")
	link, err := nl.LinkByName("va")
	require.NoError(t, err)
	f.mark(100)
	buffer := func(bytes int) {
		require.NoError(t, unix.SetsockoptInt(f.m.notifications.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes))
	}
	buffer(1) // the least there is

	// The first address is told of; that it goes again is lost.
	first := &netlink.Addr{IPNet: ipNet(t, "192.0.2.1/32")}
	require.NoError(t, nl.AddrAdd(link, first))
	for i := range 200 {
		require.NoError(t, nl.AddrAdd(link, &netlink.Addr{IPNet: ipNet(t, fmt.Sprintf("10.0.0.%d/32", i))}))
	}
	require.NoError(t, nl.AddrDel(link, first))

	<-f.m.Readable()
	require.ErrorIs(t, f.m.Receive(func(hostnet.Change) {}), ErrOverrun)
	buffer(200_000)
	f.dump()
	want := maps.Clone(f.sets[hostnet.ObjectAddr])
	err = f.m.Receive(func(c hostnet.Change) { take(f.m, f.links, f.sets, c) })
	require.NoError(t, err)
	assert.Equal(t, want, f.sets[hostnet.ObjectAddr], "a message from before the overrun was taken for news")
	f.m.Rearm()

	require.NoError(t, nl.LinkSetDown(link))
	f.until("what comes after an overrun", func(c hostnet.Change) bool { return c.Index == index && c.Link.Flags&hostnet.FlagUp == 0 })
}

func TestMonitorEnds(t *testing.T) {
	f := follow(t)
	require.NoError(t, f.m.Close())
	assert.NoError(t, f.m.Close(), "closing twice is harmless")
}
