package plan

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// candidate is a way that a default route could lead.
type candidate struct {
	ChosenGateway
	mtuBytes uint32
}

// addDefault adds the default route of a family, if the link has addresses of
// that family and somebody knows a way.
func (t *table) addDefault(f hostnet.Family) ChosenGateway {
	if !t.has(f) {
		return ChosenGateway{}
	}
	for _, c := range t.candidates(f) {
		if c.Device {
			t.add(hostnet.Route{Destination: anywhere(f), Metric: firstMetric(f), MTUBytes: c.mtuBytes})
			return c.ChosenGateway
		}
		if reason := t.refuse(f, c.Addr); reason != "" {
			t.note("gateway %s (%s) is refused: %s", c.Addr, c.Source, reason)
			continue
		}
		t.add(hostnet.Route{Destination: anywhere(f), Gateway: c.Addr, Metric: firstMetric(f), MTUBytes: c.mtuBytes})
		return c.ChosenGateway
	}
	t.note("no %s gateway is known: no default route in table %d", familyName(f), t.out.Table)
	return ChosenGateway{}
}

// candidates returns the ways that are known, best first.
func (t *table) candidates(f hostnet.Family) []candidate {
	var found []candidate
	for _, r := range t.mainDefaults(f) {
		gateway := ChosenGateway{Addr: r.Gateway, Device: !r.Gateway.IsValid(), Source: "main table"}
		found = append(found, candidate{gateway, r.MTUBytes})
	}
	for _, g := range t.link.Gateways {
		addr := g.Addr.Unmap().WithZone("")
		if hostnet.FamilyOf(addr) == f {
			found = append(found, candidate{ChosenGateway: ChosenGateway{Addr: addr, Source: g.Source}})
		}
	}
	if t.link.Link.Flags&hostnet.FlagPointToPoint != 0 {
		// At the other end there is only one who could take the packets.
		found = append(found, candidate{ChosenGateway: ChosenGateway{Device: true}})
	}
	return found
}

// mainDefaults returns the link's default routes of the main table, best first;
// of equals, hops of a multipath route for instance, the lowest gateway.
func (t *table) mainDefaults(f hostnet.Family) []hostnet.Route {
	var routes []hostnet.Route
	for _, r := range t.link.Routes {
		if r.Family() == f && r.IsDefault() && r.Type == hostnet.RouteUnicast {
			routes = append(routes, r)
		}
	}
	slices.SortFunc(routes, func(a, b hostnet.Route) int {
		return cmp.Or(
			cmp.Compare(a.Metric, b.Metric),
			cmp.Compare(b.Gateway.BitLen(), a.Gateway.BitLen()), // a link alone comes last
			a.Gateway.Compare(b.Gateway),
			cmp.Compare(a.MTUBytes, b.MTUBytes),
		)
	})
	return routes
}

// refuse says why the kernel would not take a gateway for a route of that
// family, or why it would lead nowhere; empty for a good one.
func (t *table) refuse(f hostnet.Family, gateway netip.Addr) string {
	switch {
	case f == hostnet.IPv6 && gateway.Is4():
		return "it is no IPv6 address"
	case gateway.IsUnspecified() || gateway.IsLoopback() || gateway.IsMulticast():
		return "it is no neighbour's address"
	case t.own[gateway]:
		return "it is an address of the link itself"
	case gateway.Is4() && t.isBroadcast(gateway):
		return "it is a broadcast address"
	}
	return ""
}

// isBroadcast reports whether the kernel takes an IPv4 address for a broadcast
// address of the link: the last one of a subnet, whether or not that has a
// route (fib_add_ifaddr in net/ipv4/fib_frontend.c).
func (t *table) isBroadcast(a netip.Addr) bool {
	bytes := a.As4()
	number := binary.BigEndian.Uint32(bytes[:])
	return number == math.MaxUint32 || slices.ContainsFunc(t.link.Addrs, func(own hostnet.Addr) bool {
		if !own.Prefix.Contains(a) || own.Prefix.Bits() >= 31 {
			return false // RFC 3021: a /31 has none
		}
		last := uint32(math.MaxUint32) >> own.Prefix.Bits()
		return number|last == number
	})
}

// anywhere returns the destination of a default route.
func anywhere(f hostnet.Family) netip.Prefix {
	if f == hostnet.IPv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

func familyName(f hostnet.Family) string {
	if f == hostnet.IPv6 {
		return "IPv6"
	}
	return "IPv4"
}
