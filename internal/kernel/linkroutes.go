package kernel

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// routes returns the first hostnet.MaxRoutes of a link's routes, and whether
// there are more. It reads every table but the local one, whose entries only
// repeat the link's addresses.
func (c *Conn) routes(ctx context.Context, index int) (kept []hostnet.RouteDetails, more bool, err error) {
	names := make(map[int]string)
	var last hostnet.RouteDetails // of those kept, once some were cut
	// The library compares OIF only with a route's own link, which multipath
	// routes do not have; the kernel looks at their paths too. So the filter
	// is in the request and not in the mask. The mask is for all tables.
	filter := &netlink.Route{LinkIndex: index, Table: unix.RT_TABLE_UNSPEC}
	err = c.handle.RouteListFilteredIter(netlink.FAMILY_ALL, filter, netlink.RT_FILTER_TABLE,
		func(r netlink.Route) bool {
			if ctx.Err() != nil {
				return false
			}
			if !wantedRoute(r, index) {
				return true
			}
			d := routeDetails(r)
			if more && hostnet.CompareRoutes(d, last) >= 0 {
				return true
			}
			d.NextHops = c.nextHops(r.MultiPath, names)
			kept = append(kept, d)
			if len(kept) >= 2*hostnet.MaxRoutes {
				kept, more = hostnet.FirstRoutes(kept, hostnet.MaxRoutes), true
				last = kept[len(kept)-1]
			}
			return true
		})
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	total := len(kept)
	kept = hostnet.FirstRoutes(kept, hostnet.MaxRoutes)
	return kept, more || len(kept) < total, err
}

func wantedRoute(r netlink.Route, index int) bool {
	if r.Family != unix.AF_INET && r.Family != unix.AF_INET6 && r.Family != unix.AF_MPLS {
		return false // a dump of all families has multicast routing's too
	}
	if r.Table == unix.RT_TABLE_LOCAL {
		return false
	}
	for _, hop := range r.MultiPath {
		if hop.LinkIndex == index {
			return true
		}
	}
	return r.LinkIndex == index
}

func routeDetails(r netlink.Route) hostnet.RouteDetails {
	d := hostnet.RouteDetails{
		Source:   addrOf(r.Src),
		Gateway:  gatewayOf(r.Gw, r.Via),
		Scope:    uint8(r.Scope),
		Protocol: int(r.Protocol),
		Priority: r.Priority,
		Table:    r.Table,
		Type:     r.Type,
		TOS:      r.Tos,
		Flags:    r.ListFlags(),
		MTU:      r.MTU,
		AdvMSS:   r.AdvMSS,
		HopLimit: r.Hoplimit,
	}
	if r.Dst != nil {
		bits, _ := r.Dst.Mask.Size()
		d.Destination = netip.PrefixFrom(addrOf(r.Dst.IP), bits)
	}
	if r.MPLSDst != nil {
		d.MPLSDestination = strconv.Itoa(*r.MPLSDst)
	}
	if r.NewDst != nil {
		d.NewDestination = r.NewDst.String()
	}
	if r.Encap != nil {
		d.Encap = r.Encap.String()
	}
	return d
}

func (c *Conn) nextHops(paths []*netlink.NexthopInfo, names map[int]string) []hostnet.NextHop {
	var hops []hostnet.NextHop
	for _, p := range paths {
		hops = append(hops, hostnet.NextHop{
			Link:    c.cachedName(p.LinkIndex, names),
			Gateway: gatewayOf(p.Gw, p.Via),
			Weight:  p.Hops + 1, // rtnh_hops of uapi/linux/rtnetlink.h is one less
		})
	}
	return hops
}

// cachedName names a link for those who read; "if7" is how ip(8) writes one
// that is gone.
func (c *Conn) cachedName(index int, names map[int]string) string {
	if name, ok := names[index]; ok {
		return name
	}
	name, err := c.LinkName(index)
	if err != nil {
		name = "if" + strconv.Itoa(index)
	}
	names[index] = name
	return name
}

// gatewayOf returns the gateway of a route, which for one that leads to IPv4
// through an IPv6 neighbour is in RTA_VIA.
func gatewayOf(gateway net.IP, via netlink.Destination) netip.Addr {
	if v, ok := via.(*netlink.Via); ok {
		return addrOf(v.Addr)
	}
	return addrOf(gateway)
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	if len(ip) == net.IPv6len && ip.Equal(net.IPv4zero) {
		// The library's own 0.0.0.0, for an IPv4 default route, has 16 bytes.
		return netip.IPv4Unspecified()
	}
	return a
}
