package kernel

import (
	"net/netip"

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

// struct rtnexthop of uapi/linux/rtnetlink.h: len, flags, hops, ifindex.
const sizeofNextHop = 8

// eachNextHop calls use for each hop of RTA_MULTIPATH, with its header.
func eachNextHop(hops []byte, use func(hop []byte)) {
	for len(hops) >= sizeofNextHop {
		length := int(native16(hops))
		if length < sizeofNextHop || length > len(hops) {
			return
		}
		use(hops[:length])
		hops = hops[min(align(length), len(hops)):]
	}
}

// eachRoute decodes the body of a route's message; a multipath route once for
// each of its hops. It leaves out what a Route cannot tell and netbrk never
// writes: cached clones, and routes for one type of service or one source
// prefix alone.
func eachRoute(body []byte, use func(hostnet.Route)) {
	// struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope,
	// type, flags.
	if len(body) < unix.SizeofRtMsg || body[2] != 0 || body[3] != 0 || native32(body[8:])&unix.RTM_F_CLONED != 0 {
		return
	}
	r := hostnet.Route{
		Table: uint32(body[4]), Protocol: body[5], Scope: body[6], Type: body[7],
		OnLink: native32(body[8:])&unix.RTNH_F_ONLINK != 0,
	}
	destination := unspecified(hostnet.Family(body[0]))
	var multipath []byte
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_DST:
			destination, _ = netip.AddrFromSlice(v)
		case unix.RTA_MULTIPATH:
			multipath = v
		default:
			routeAttribute(&r, kind, v)
		}
	})
	r.Destination = netip.PrefixFrom(destination, int(body[1]))
	if !r.Destination.IsValid() || r.Family() != hostnet.Family(body[0]) {
		return
	}
	r.Destination = r.Destination.Masked()
	if len(multipath) < sizeofNextHop {
		use(r)
		return
	}
	eachNextHop(multipath, func(hop []byte) { use(routeOfHop(r, hop)) })
}

func unspecified(f hostnet.Family) netip.Addr {
	switch f {
	case hostnet.IPv4:
		return netip.IPv4Unspecified()
	case hostnet.IPv6:
		return netip.IPv6Unspecified()
	}
	return netip.Addr{}
}

func routeAttribute(r *hostnet.Route, kind uint16, v []byte) {
	switch kind {
	case unix.RTA_TABLE: // all 32 bits, where the header has but 8
		r.Table = native32(v)
	case unix.RTA_OIF:
		r.Index = int(native32(v))
	case unix.RTA_GATEWAY:
		r.Gateway, _ = netip.AddrFromSlice(v)
	case unix.RTA_VIA:
		r.Gateway = viaAddr(v)
	case unix.RTA_PREFSRC:
		r.Source, _ = netip.AddrFromSlice(v)
	case unix.RTA_PRIORITY:
		r.Metric = native32(v)
	case unix.RTA_METRICS:
		eachAttribute(v, 0, func(kind uint16, v []byte) {
			if kind == unix.RTAX_MTU {
				r.MTUBytes = native32(v)
			}
		})
	}
}

// viaAddr is the gateway of a struct rtvia, which may be of the other family: family,
// address.
func viaAddr(v []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(v[min(2, len(v)):])
	return a
}

// routeOfHop is the route by one of its hops, whose attributes are a route's.
func routeOfHop(r hostnet.Route, hop []byte) hostnet.Route {
	r.Multipath = true
	r.OnLink = hop[2]&unix.RTNH_F_ONLINK != 0
	r.Index = int(native32(hop[4:]))
	eachAttribute(hop, sizeofNextHop, func(kind uint16, v []byte) {
		if kind == unix.RTA_GATEWAY || kind == unix.RTA_VIA {
			routeAttribute(&r, kind, v)
		}
	})
	return r
}
