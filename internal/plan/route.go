package plan

import (
	"cmp"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// firstMetric returns the lowest metric of a family, which is what the kernel
// makes of 0 (IP6_RT_PRIO_USER in uapi/linux/ipv6_route.h).
func firstMetric(f hostnet.Family) uint32 {
	if f == hostnet.IPv6 {
		return 1024
	}
	return 0
}

// normalise returns r as the kernel would tell it, so that equal routes have
// equal values.
func normalise(r hostnet.Route) hostnet.Route {
	if r.Type == 0 {
		r.Type = hostnet.RouteUnicast
	}
	if r.Family() != hostnet.IPv6 {
		return r
	}
	r.Scope = 0
	if r.Metric == 0 {
		r.Metric = firstMetric(hostnet.IPv6)
	}
	// Each hop of an IPv6 multipath route is a route, which can be removed by
	// itself and then is like any other (fib6_siblings in net/ipv6/ip6_fib.c).
	r.Multipath = false
	return r
}

// stage says when a route can be added: the kernel refuses a gateway that it
// cannot reach yet.
func stage(r hostnet.Route) int {
	switch {
	case r.IsDefault():
		return 2
	case r.Gateway.IsValid():
		return 1
	}
	return 0
}

// compareRoutes orders routes as they can be added; removed they are the other
// way round.
func compareRoutes(a, b hostnet.Route) int {
	return cmp.Or(
		cmp.Compare(stage(a), stage(b)),
		cmp.Compare(a.Table, b.Table),
		a.Destination.Compare(b.Destination),
		cmp.Compare(a.Metric, b.Metric),
		a.Gateway.Compare(b.Gateway),
		cmp.Compare(a.Index, b.Index),
	)
}
