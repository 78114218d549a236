package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// table is the table of one link in the making.
type table struct {
	link Link
	out  Outcome
	own  map[netip.Addr]bool
	// connected holds the subnets of the link's addresses, each with the source
	// address of its route.
	connected map[netip.Prefix]netip.Addr
	// direct are the destinations of all routes without a gateway.
	direct []netip.Prefix
	routes []hostnet.Route
}

func newTable(l Link, out Outcome) *table {
	t := &table{link: l, out: out, own: make(map[netip.Addr]bool, len(l.Addrs)), connected: map[netip.Prefix]netip.Addr{}}
	for _, a := range l.Addrs {
		t.own[a.Prefix.Addr()] = true
	}
	return t
}

// has reports whether the link has an address of that family to manage. They
// are sorted, IPv4 first.
func (t *table) has(f hostnet.Family) bool {
	addresses := t.out.Addresses
	return hostnet.FamilyOf(addresses[0].Addr()) == f || hostnet.FamilyOf(addresses[len(addresses)-1].Addr()) == f
}

func (t *table) note(format string, args ...any) {
	t.out.Notes = append(t.out.Notes, fmt.Sprintf(format, args...))
}

// add fills in what all routes of the table have in common.
func (t *table) add(r hostnet.Route) {
	r.Table = t.out.Table
	r.Index = t.link.Link.Index
	r.Protocol = hostnet.Protocol
	if r.Gateway.IsValid() {
		r.OnLink = t.needsOnLink(r.Gateway)
	} else {
		r.Scope = hostnet.ScopeLink
		t.direct = append(t.direct, r.Destination)
	}
	t.routes = append(t.routes, normalise(r))
}

// needsOnLink reports whether the kernel has to be told that the gateway is a
// neighbour. It looks first in the table that the route goes to
// (fib_check_nh_v4_gw in net/ipv4/fib_semantics.c, ip6_route_check_nh in
// net/ipv6/route.c); a link-local router is always one (RFC 4861 section 6.1.2).
func (t *table) needsOnLink(gateway netip.Addr) bool {
	if gateway.Is6() && gateway.IsLinkLocalUnicast() {
		return false
	}
	return !slices.ContainsFunc(t.direct, func(p netip.Prefix) bool { return p.Contains(gateway) })
}

// addConnected adds the subnets that the kernel has routes for in main because
// of the link's addresses.
func (t *table) addConnected() {
	for _, a := range t.link.Addrs {
		subnet := subnetOf(a)
		if !subnet.IsValid() || !t.has(hostnet.FamilyOf(subnet.Addr())) {
			continue
		}
		source := t.connected[subnet]
		if s := sourceOf(a); s.IsValid() && (!source.IsValid() || s.Less(source)) {
			source = s
		}
		t.connected[subnet] = source
	}
	for subnet, source := range t.connected {
		t.add(hostnet.Route{Destination: subnet, Source: source})
	}
}

// subnetOf returns the subnet that an address makes reachable without a
// gateway; an invalid one where there is none.
func subnetOf(a hostnet.Addr) netip.Prefix {
	if a.Flags&hostnet.AddrNoPrefixRoute != 0 {
		return netip.Prefix{}
	}
	addr := a.Prefix.Addr()
	if a.Peer.BitLen() == addr.BitLen() && a.Peer != addr {
		addr = a.Peer // what is at the other end, be it a single host
	} else if a.Prefix.IsSingleIP() {
		return netip.Prefix{}
	}
	subnet := netip.PrefixFrom(addr, a.Prefix.Bits()).Masked()
	if subnet.Bits() <= 0 || !subnet.Addr().IsGlobalUnicast() {
		return netip.Prefix{}
	}
	return subnet
}

// sourceOf returns the source address of the route to the subnet of a; an
// invalid one where another address has to tell. IPv6 routes name none: the
// kernel refuses a tentative one, temporary addresses come and go (RFC 8981),
// and what came here by its source address has one already.
func sourceOf(a hostnet.Addr) netip.Addr {
	if !a.Prefix.Addr().Is4() || a.Flags&hostnet.AddrSecondary != 0 || !isManaged(a) {
		return netip.Addr{}
	}
	return a.Prefix.Addr()
}

// addCopies adds the link's other routes of the main table.
func (t *table) addCopies() {
	var copies []hostnet.Route
	for _, r := range t.link.Routes {
		if t.copied(r) {
			copies = append(copies, t.copyOf(r))
		}
	}
	slices.SortFunc(copies, compareCopies)
	copies = slices.CompactFunc(copies, func(a, b hostnet.Route) bool { return a.Key() == b.Key() })
	// The routes without a gateway first: they say which gateway is a neighbour.
	var far []hostnet.Route
	for _, r := range copies {
		if r.Gateway.IsValid() {
			far = append(far, r)
		} else {
			t.add(r)
		}
	}
	if len(far) > hostnet.MaxCopied { // how many there are nobody has counted
		t.note("more than %d routes of the main table have a gateway: table %d has none of them", hostnet.MaxCopied, t.out.Table)
		return
	}
	for _, r := range far {
		t.add(r)
	}
}

// copied reports whether a route of the main table is taken over.
func (t *table) copied(r hostnet.Route) bool {
	family, to := r.Family(), r.Destination.Addr()
	switch {
	case family == 0 || !t.has(family) || r.Type != hostnet.RouteUnicast || r.IsDefault():
		return false
	case to.IsLinkLocalUnicast() || to.IsMulticast() || to.IsLoopback():
		return false
	case r.Gateway.IsValid() && t.refuse(family, r.Gateway) != "":
		return false
	case !r.Gateway.IsValid() && r.Destination.IsSingleIP() && t.own[to]:
		return false // the kernel has one for each IPv6 address
	}
	_, connected := t.connected[r.Destination]
	return !connected || r.Gateway.IsValid() && normalise(r).Metric != firstMetric(family) // else its place is taken
}

// copyOf returns what is taken over of a route.
func (t *table) copyOf(r hostnet.Route) hostnet.Route {
	c := hostnet.Route{Destination: r.Destination, Gateway: r.Gateway, Metric: r.Metric, MTUBytes: r.MTUBytes}
	if r.Family() == hostnet.IPv4 && r.Source.Is4() && t.own[r.Source] {
		c.Source = r.Source
	}
	return normalise(c)
}

// compareCopies orders routes by key; of several that the link's table has room
// for one of, hops of a multipath route for instance, the first is taken.
func compareCopies(a, b hostnet.Route) int {
	return cmp.Or(
		a.Destination.Compare(b.Destination),
		cmp.Compare(a.Metric, b.Metric),
		a.Gateway.Compare(b.Gateway),
		a.Source.Compare(b.Source),
		cmp.Compare(a.MTUBytes, b.MTUBytes),
	)
}
