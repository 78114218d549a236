package plan

import (
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// diffRoutes returns the steps that make the wanted routes be there, and the
// routes of ours that are there in vain, both in order.
func diffRoutes(want, have []hostnet.Route) (set []hostnet.Step, stale []hostnet.Route) {
	held := ours(have)
	wanted := make([]hostnet.Route, 0, len(want))
	for _, r := range want {
		wanted = append(wanted, normalise(r))
	}
	slices.SortFunc(wanted, compareRoutes)
	for _, r := range wanted {
		set = append(set, settle(r, held[r.Key()])...)
		delete(held, r.Key())
	}
	for _, routes := range held {
		stale = append(stale, routes...)
	}
	slices.SortFunc(stale, func(a, b hostnet.Route) int { return compareRoutes(b, a) })
	return set, stale
}

// ours returns the routes that carry netbrk's protocol by their key, those of
// one key in the order in which they were told.
func ours(have []hostnet.Route) map[hostnet.RouteKey][]hostnet.Route {
	held := make(map[hostnet.RouteKey][]hostnet.Route, len(have))
	for _, r := range have {
		if r.Protocol != hostnet.Protocol {
			continue
		}
		r = normalise(r)
		routes := held[r.Key()]
		// An IPv4 multipath route is a single object, known by its first hop: that
		// one deletes it, another is not found (fib_nh_match in
		// net/ipv4/fib_semantics.c).
		if !r.Multipath || !slices.ContainsFunc(routes, func(o hostnet.Route) bool { return o.Multipath }) {
			held[r.Key()] = append(routes, r)
		}
	}
	return held
}

// settle returns the steps that leave want alone of the routes that are there
// with its key. That there are several is nobody's wish: an IPv6 multipath
// route, or one that was appended by hand (ip-route(8)).
func settle(want hostnet.Route, have []hostnet.Route) []hostnet.Step {
	if len(have) == 0 {
		return []hostnet.Step{{Op: hostnet.OpAdd, Route: want}}
	}
	kept := slices.IndexFunc(have, func(r hostnet.Route) bool { return r == want })
	// The kernel takes the deletion of an IPv6 route without a gateway for that
	// of any with this key (ip6_route_del in net/ipv6/route.c). So it stays
	// until the others are gone, and is replaced then.
	if direct := slices.IndexFunc(have, func(r hostnet.Route) bool { return !r.Gateway.IsValid() && !r.Multipath }); direct >= 0 {
		kept = direct
	}
	kept = max(kept, 0)
	var steps []hostnet.Step
	for i, r := range have {
		if i != kept {
			steps = append(steps, hostnet.Step{Op: hostnet.OpDelete, Route: r})
		}
	}
	if have[kept] != want {
		steps = append(steps, hostnet.Step{Op: hostnet.OpReplace, Route: want})
	}
	return steps
}
