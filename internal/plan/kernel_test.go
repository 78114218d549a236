package plan_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// kernel applies steps as Linux does, and refuses those that would do nothing
// or something else than they say.
type kernel struct {
	rules  []hostnet.Rule
	routes []hostnet.Route
}

func (k *kernel) apply(s hostnet.Step) error {
	var err error
	switch {
	case s.IsRule && s.Op == hostnet.OpAdd:
		err = k.addRule(s.Rule)
	case s.IsRule && s.Op == hostnet.OpDelete:
		err = k.deleteRule(s.Rule)
	case s.IsRule:
		err = errors.New("a rule cannot be replaced")
	case s.Op == hostnet.OpAdd:
		err = k.addRoute(s.Route)
	case s.Op == hostnet.OpReplace:
		err = k.replaceRoute(s.Route)
	default:
		err = k.deleteRoute(s.Route)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.Command(linkName), err)
	}
	return nil
}

// addRule puts a rule behind those of its priority, fib_nl_newrule in
// net/core/fib_rules.c.
func (k *kernel) addRule(r hostnet.Rule) error {
	if slices.Contains(k.rules, r) {
		return errors.New("file exists")
	}
	place := slices.IndexFunc(k.rules, func(o hostnet.Rule) bool { return o.Priority > r.Priority })
	if place < 0 {
		place = len(k.rules)
	}
	k.rules = slices.Insert(k.rules, place, r)
	return nil
}

// deleteRule takes out the first rule that has all that r says, rule_find in
// net/core/fib_rules.c.
func (k *kernel) deleteRule(r hostnet.Rule) error {
	i := slices.IndexFunc(k.rules, func(o hostnet.Rule) bool {
		return o.Family == r.Family && o.Priority == r.Priority && o.Table == r.Table && o.Protocol == r.Protocol &&
			(!r.From.IsValid() || o.From == r.From) && (!r.To.IsValid() || o.To == r.To) &&
			(r.SuppressPrefixLength == hostnet.NoSuppress || o.SuppressPrefixLength == r.SuppressPrefixLength)
	})
	if i < 0 {
		return errors.New("no such file")
	}
	if k.rules[i] != r {
		return fmt.Errorf("hits %+v", k.rules[i])
	}
	k.rules = slices.Delete(k.rules, i, i+1)
	return nil
}

func (k *kernel) addRoute(r hostnet.Route) error {
	if slices.ContainsFunc(k.routes, func(o hostnet.Route) bool { return o.Key() == r.Key() }) {
		return errors.New("file exists")
	}
	if err := k.reach(r); err != nil {
		return err
	}
	k.routes = append(k.routes, r)
	return nil
}

// reach looks the gateway up where the kernel looks first.
func (k *kernel) reach(r hostnet.Route) error {
	if !r.Gateway.IsValid() || r.OnLink || r.Gateway.Is6() && r.Gateway.IsLinkLocalUnicast() {
		return nil
	}
	if slices.ContainsFunc(k.routes, func(o hostnet.Route) bool {
		return o.Table == r.Table && o.Index == r.Index && !o.Gateway.IsValid() && o.Destination.Contains(r.Gateway)
	}) {
		return nil
	}
	return errors.New("nexthop has invalid gateway")
}

// replaceRoute puts r in the place of the first route with its key: for IPv6 of
// the first that has a gateway if r has one (fib6_add_rt2node in
// net/ipv6/ip6_fib.c). A multipath route is replaced as a whole.
func (k *kernel) replaceRoute(r hostnet.Route) error {
	sameKey := func(o hostnet.Route) bool { return o.Key() == r.Key() }
	i := slices.IndexFunc(k.routes, func(o hostnet.Route) bool {
		return sameKey(o) && r.Family() == hostnet.IPv6 && o.Gateway.IsValid() == r.Gateway.IsValid()
	})
	if i < 0 {
		i = slices.IndexFunc(k.routes, sameKey)
	}
	switch {
	case i < 0:
		return errors.New("no such file")
	case k.routes[i].Protocol != hostnet.Protocol:
		return fmt.Errorf("hits %+v", k.routes[i])
	case k.routes[i] == r:
		return errors.New("changes nothing")
	case slices.ContainsFunc(k.routes, func(o hostnet.Route) bool { return o == r }):
		return errors.New("file exists")
	}
	if err := k.reach(r); err != nil {
		return err
	}
	whole := k.routes[i].Multipath
	k.routes[i] = r
	k.routes = slices.DeleteFunc(k.routes, func(o hostnet.Route) bool { return whole && sameKey(o) && o.Multipath })
	return nil
}

// deleteRoute takes out the first route that has all that r says. An IPv4
// multipath route is known by its first hop (fib_nh_match in
// net/ipv4/fib_semantics.c); of an IPv6 one a hop is taken out, or all where no
// gateway is said (ip6_route_del in net/ipv6/route.c).
func (k *kernel) deleteRoute(r hostnet.Route) error {
	i := slices.IndexFunc(k.routes, func(o hostnet.Route) bool {
		return o.Key() == r.Key() && o.Protocol == r.Protocol && o.Index == r.Index && o.Scope == r.Scope &&
			(!r.Gateway.IsValid() || o.Gateway == r.Gateway)
	})
	if i < 0 {
		return errors.New("no such process")
	}
	hit := k.routes[i]
	if hit.Gateway != r.Gateway {
		return fmt.Errorf("hits %+v", hit)
	}
	if r.Family() == hostnet.IPv6 || !hit.Multipath {
		k.routes = slices.Delete(k.routes, i, i+1)
		k.endMultipath(r.Key())
		return nil
	}
	first := slices.IndexFunc(k.routes, func(o hostnet.Route) bool { return o.Key() == r.Key() && o.Multipath })
	if i != first {
		return errors.New("no such process")
	}
	k.routes = slices.DeleteFunc(k.routes, func(o hostnet.Route) bool { return o.Key() == r.Key() && o.Multipath })
	return nil
}

// endMultipath makes an only hop that is left a route like any other.
func (k *kernel) endMultipath(key hostnet.RouteKey) {
	var left []int
	for i, r := range k.routes {
		if r.Key() == key && r.Multipath {
			left = append(left, i)
		}
	}
	if len(left) == 1 {
		k.routes[left[0]].Multipath = false
	}
}
