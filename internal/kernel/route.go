package kernel

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func (m message) decodeRoute(use func(hostnet.Change)) {
	if len(m.body) < unix.SizeofRtMsg || !interestingRoute(m.body) {
		return
	}
	c := hostnet.Change{
		Object: hostnet.ObjectRoute, Gone: m.kind == unix.RTM_DELROUTE,
		Replaced: m.kind == unix.RTM_NEWROUTE && m.flags&unix.NLM_F_REPLACE != 0,
		Digest:   routeDigest(m.body), Raw: m.body,
		Protocol: m.body[5], Table: uint32(m.body[4]),
	}
	var multipath []byte
	eachAttribute(m.body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_OIF:
			c.Index = int(native32(v))
		case unix.RTA_TABLE: // all 32 bits, where the header has but 8
			c.Table = native32(v)
		case unix.RTA_MULTIPATH:
			multipath = v
		}
	})
	if len(multipath) < sizeofNextHop {
		use(c)
		return
	}
	eachNextHop(multipath, func(hop []byte) {
		c.Index = int(native32(hop[4:]))
		use(c)
	})
}

// interestingRoute tells routes that somebody set from those that the kernel
// keeps for itself: the local table's, which follow addresses, and cached
// clones (rtnetlink(7)).
func interestingRoute(body []byte) bool {
	flags := native32(body[8:])
	if flags&unix.RTM_F_CLONED != 0 || body[4] == unix.RT_TABLE_LOCAL {
		return false
	}
	switch body[7] {
	case unix.RTN_UNICAST, unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_THROW, unix.RTN_NAT, unix.RTN_LOCAL:
		return true
	}
	return false // broadcast, multicast and anycast come with addresses
}

// routeDigest is of what makes a route another one: not of what a router
// advertisement or a carrier changes in passing (lifetimes, RTNH_F_LINKDOWN).
func routeDigest(body []byte) uint64 {
	d := newDigest()
	d.bytes(body[0:8]) // family, lengths, tos, table, protocol, scope, type
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_CACHEINFO, unix.RTA_PREF:
			return
		case unix.RTA_MULTIPATH:
			digestNextHops(d, v)
			return
		}
		d.byte(byte(kind))
		d.bytes(v)
	})
	return d.sum()
}

// digestNextHops leaves the flags of each next hop out.
func digestNextHops(d *digest, hops []byte) {
	eachNextHop(hops, func(hop []byte) {
		d.bytes(hop[0:2])
		d.bytes(hop[3:])
	})
}

// Describe tells a route or address of a change in the notation of ip(8).
func (m *Monitor) Describe(c hostnet.Change) string {
	switch c.Object {
	case hostnet.ObjectAddr:
		if c.Addr.Peer.IsValid() {
			if peer := prefixText(c.Addr.Peer, c.Addr.Prefix.Bits()); peer != "" {
				return c.Addr.Prefix.Addr().String() + " peer " + peer
			}
			return ""
		}
		return c.Addr.Prefix.String()
	case hostnet.ObjectRoute:
		return describeRoute(c.Raw)
	}
	return ""
}

// describeRoute returns what hostnet.Event takes for a route: nothing where the
// message makes no sense.
func describeRoute(body []byte) string {
	if len(body) < unix.SizeofRtMsg {
		return ""
	}
	r := routeText{family: body[0], destination: "default", table: uint32(body[4])}
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_DST:
			if a, ok := netip.AddrFromSlice(v); ok {
				r.destination = prefixText(a, int(body[1]))
			}
		case unix.RTA_GATEWAY:
			r.gateway, _ = netip.AddrFromSlice(v)
		case unix.RTA_VIA: // struct rtvia, for a gateway of the other family
			r.gateway, _ = netip.AddrFromSlice(v[min(2, len(v)):])
		case unix.RTA_PREFSRC:
			r.source, _ = netip.AddrFromSlice(v)
		case unix.RTA_TABLE:
			r.table = native32(v)
		case unix.RTA_PRIORITY:
			r.metric = native32(v)
		}
	})
	if r.destination == "" {
		return ""
	}
	return r.String(body[7])
}

func prefixText(a netip.Addr, bits int) string {
	if p := netip.PrefixFrom(a, bits); p.IsValid() {
		return p.String()
	}
	return ""
}

type routeText struct {
	family          byte
	destination     string
	gateway, source netip.Addr
	table, metric   uint32
}

// String writes the route of the given RTN_* type.
func (r routeText) String(kind byte) string {
	var b strings.Builder
	if kind != unix.RTN_UNICAST {
		b.WriteString(typeWord(int(kind)) + " ")
	}
	b.WriteString(r.destination)
	switch {
	case r.gateway.Is6() && r.family == unix.AF_INET:
		fmt.Fprintf(&b, " via inet6 %s", r.gateway)
	case r.gateway.IsValid():
		fmt.Fprintf(&b, " via %s", r.gateway)
	}
	if r.table != unix.RT_TABLE_MAIN {
		fmt.Fprintf(&b, " table %d", r.table)
	}
	if r.source.IsValid() {
		fmt.Fprintf(&b, " src %s", r.source)
	}
	if r.metric != 0 {
		b.WriteString(" metric " + strconv.FormatUint(uint64(r.metric), 10))
	}
	return b.String()
}
