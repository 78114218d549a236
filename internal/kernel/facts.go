package kernel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxLinkDumps bounds for how many links routes are asked for link by link,
// four short dumps each. For more of them the whole tables are read once.
const maxLinkDumps = 16

func families() []hostnet.Family { return []hostnet.Family{hostnet.IPv4, hostnet.IPv6} }

// Facts reads what policy routing depends on, but for rules. detail says for which
// links addresses, main routes and ranges are read; a link that vanishes meanwhile
// is told without them. The error wraps ErrInterrupted when links, addresses or
// our own routes changed under every attempt to read them: nothing should be
// decided then, but the same asked again later.
func (p *Policy) Facts(ctx context.Context, detail func(hostnet.Link) bool) (hostnet.PolicyFacts, error) {
	links, err := p.links(ctx)
	if err != nil {
		return hostnet.PolicyFacts{}, fmt.Errorf("reading links: %w", err)
	}
	wanted := maps.Clone(links)
	maps.DeleteFunc(wanted, func(_ int, l *hostnet.LinkFacts) bool { return !detail(l.Link) })
	if err := p.addresses(ctx, wanted); err != nil {
		return hostnet.PolicyFacts{}, fmt.Errorf("reading addresses: %w", err)
	}
	routes, err := p.ownRoutes(ctx)
	if err != nil {
		return hostnet.PolicyFacts{}, fmt.Errorf("reading our own routes: %w", err)
	}
	if err := p.linkRoutes(ctx, wanted); err != nil {
		return hostnet.PolicyFacts{}, fmt.Errorf("reading routes of links: %w", err)
	}
	facts := hostnet.PolicyFacts{Links: make(map[int]hostnet.LinkFacts, len(links)), Routes: routes}
	for index, l := range links {
		facts.Links[index] = *l
	}
	return facts, nil
}

func (p *Policy) links(ctx context.Context) (map[int]*hostnet.LinkFacts, error) {
	links := make(map[int]*hostnet.LinkFacts)
	err := p.dump(ctx, dumpRequest(hostnet.ObjectLink), func() { clear(links) }, func(msg message) {
		msg.decode(func(c hostnet.Change) { links[c.Index] = linkFacts(c) })
	})
	return links, err
}

// linkFacts takes in what only the few who ask for facts need to know: a monitor
// hears of a link whenever its counters move, and the text of the hardware
// address is an allocation.
func linkFacts(c hostnet.Change) *hostnet.LinkFacts {
	l := &hostnet.LinkFacts{Link: c.Link}
	elsewhere := false
	eachAttribute(c.Raw, unix.SizeofIfInfomsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_ADDRESS:
			l.MAC = hardwareAddr(v)
		case unix.IFLA_MTU:
			l.MTUBytes = int(native32(v))
		case unix.IFLA_LINK:
			l.ParentIndex = int(native32(v))
		case unix.IFLA_LINK_NETNSID: // whose ifindex IFLA_LINK is then
			elsewhere = true
		}
	})
	if elsewhere {
		l.ParentIndex = 0
	}
	return l
}

// hardwareAddr is empty for one of zeroes, as loopback's: it is nobody's.
func hardwareAddr(v []byte) string {
	if !slices.ContainsFunc(v, func(b byte) bool { return b != 0 }) {
		return ""
	}
	return net.HardwareAddr(v).String()
}

// addresses reads those of the wanted links. The kernel would filter by one
// link, but goes through all of them for that too.
func (p *Policy) addresses(ctx context.Context, wanted map[int]*hostnet.LinkFacts) error {
	start := func() {
		for _, l := range wanted {
			l.Addrs = l.Addrs[:0]
		}
	}
	return p.dump(ctx, dumpRequest(hostnet.ObjectAddr), start, func(msg message) {
		msg.decode(func(c hostnet.Change) {
			if l := wanted[c.Index]; l != nil {
				l.Addrs = appendDoubling(l.Addrs, c.Addr)
			}
		})
	})
}

// Rules reads the rules that carry hostnet.Protocol; one that the kernel has twice
// is told twice. It may be called while another goroutine is in Facts: for each
// datagram the kernel walks its list from the start (dump_rules in fib_rules.c),
// so that the 30,000 rules of 10,000 addresses take longer than all the rest.
// The error wraps ErrInterrupted as that of Facts does.
//
// The kernel goes on with a dump at the position where the last datagram ended, so
// that a rule added or removed before it hides another or shows it twice, and it
// does not mark such a dump. Its notifications tell: a rule that changed during
// the dump is in the same queue as the answer.
func (p *Policy) Rules(ctx context.Context) ([]hostnet.Rule, error) {
	groups := []int{unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE}
	if err := p.ofRules.socket.join(groups...); err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	defer p.ofRules.socket.leave(groups...)
	var rules []hostnet.Rule
	for _, family := range families() {
		before := len(rules)
		req := dumpRequest(hostnet.ObjectRule)
		req[unix.SizeofNlMsghdr] = byte(family)
		err := p.ofRules.dump(ctx, req, func() { rules = rules[:before] }, func(msg message) {
			if msg.kind != unix.RTM_NEWRULE {
				return
			}
			if r, ok := ruleOf(msg.body); ok && r.Protocol == hostnet.Protocol && r.Family == family {
				rules = appendDoubling(rules, r)
			}
		})
		if err != nil && !absent(err) {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
	}
	return rules, nil
}

// appendDoubling is append for what may grow long: that grows a long slice by a
// quarter, and 30,000 rules would be copied five times over.
func appendDoubling[T any](s []T, v T) []T {
	if len(s) == cap(s) {
		s = slices.Grow(s, max(len(s), 64))
	}
	return append(s, v)
}

func (p *Policy) ownRoutes(ctx context.Context) ([]hostnet.Route, error) {
	var all []hostnet.Route
	for _, family := range families() {
		routes, err := p.routes(ctx, routeFilter{family: family, protocol: hostnet.Protocol}, everyRoute)
		if err != nil {
			return nil, err
		}
		all = append(all, routes...)
	}
	return all, nil
}

// linkRoutes reads the main routes and ranges of the wanted links, as well as it
// can: on a router the main table never stands still, and a route that a dump
// of it lacks brings one run that adds too little or removes what the next one
// adds again. Links, addresses and our own routes must be whole: see Facts.
func (p *Policy) linkRoutes(ctx context.Context, wanted map[int]*hostnet.LinkFacts) error {
	indices := slices.Sorted(maps.Keys(wanted))
	if len(indices) > maxLinkDumps {
		indices = []int{0} // one dump for every link
	}
	for _, index := range indices {
		for _, family := range families() {
			main := routeFilter{family: family, table: hostnet.TableMain, index: index, kind: hostnet.RouteUnicast}
			var far farRoutes
			routes, err := p.routesAnew(ctx, main, far.forget, far.keep)
			if err != nil && !errors.Is(err, ErrInterrupted) {
				return err
			}
			local := routeFilter{family: family, table: hostnet.TableLocal, index: index, kind: hostnet.RouteLocal}
			ranges, err := p.routes(ctx, local, isRange)
			if err != nil && !errors.Is(err, ErrInterrupted) {
				return err
			}
			distribute(wanted, routes, ranges)
		}
	}
	return nil
}

func distribute(links map[int]*hostnet.LinkFacts, routes, ranges []hostnet.Route) {
	for _, r := range routes {
		if l := links[r.Index]; l != nil {
			l.Routes = append(l.Routes, r)
		}
	}
	for _, r := range ranges {
		if l := links[r.Index]; l != nil {
			l.Ranges = append(l.Ranges, r.Destination)
		}
	}
}

func everyRoute(hostnet.Route) bool { return true }

// isRange leaves out the local routes that addresses have.
func isRange(r hostnet.Route) bool { return !r.Destination.IsSingleIP() }
