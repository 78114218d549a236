// Package explain follows a packet through the routing policy rules, as the kernel
// does. It takes rules and routes as values, and claims no more than they tell: what
// it cannot judge it says so.
package explain

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Tables are the routes of each table.
type Tables map[uint32][]hostnet.FIBRoute

// The outcomes of a Step.
const (
	// Skipped is of a rule that is not for this traffic.
	Skipped = "skipped"
	// Empty is of a table without a route to there, Suppressed of one whose route
	// the rule does not take.
	Empty      = "no route"
	Suppressed = "suppressed"
	// Jumped is of a goto, Passed of a rule that does nothing.
	Jumped = "jumped"
	Passed = "passed"
	// Decided is of the rule that decides.
	Decided = "decides"
	// Unknown is of a rule that cannot be judged here.
	Unknown = "not judged"
)

// Step is one rule, in the order in which the kernel comes to it.
type Step struct {
	Rule    hostnet.FIBRule
	Outcome string
	// Why says more: the selector that does not fit, for one.
	Why string
	// Route is what the table had; nil for none.
	Route *hostnet.FIBRoute
}

// Walk is what became of a packet.
type Walk struct {
	Steps []Step
	// Route is what decided; nil where nothing did, or a rule by its action.
	Route *hostnet.FIBRoute
	// Verdict is "route", "unreachable", "blackhole", "prohibit" or "no route".
	Verdict string
	// Certain is false where a rule could not be judged before one decided.
	Certain bool
}

// Rules follows a packet that this host itself sends, of no mark and no type of
// service, from one address to another. The rules are in the kernel's order.
func Rules(rules []hostnet.FIBRule, tables Tables, from, to netip.Addr) Walk {
	w := Walk{Verdict: "no route", Certain: true}
	jump := uint32(0)
	for _, r := range rules {
		if r.Family != hostnet.FamilyOf(to) || r.Priority < jump {
			continue
		}
		s := w.step(r, tables, from, to)
		w.Steps = append(w.Steps, s)
		switch s.Outcome {
		case Unknown:
			w.Certain = false
		case Jumped:
			// A goto without its target is passed over: fib_rules_lookup() goes on
			// with the next rule.
			if jump = r.Goto; !targeted(rules, r) {
				jump = 0
				w.Steps[len(w.Steps)-1].Outcome, w.Steps[len(w.Steps)-1].Why = Passed, "no rule has the priority that it goes to"
			}
		case Decided:
			if w.Route = s.Route; s.Route != nil && s.Route.Type != "blackhole" && s.Route.Type != "unreachable" && s.Route.Type != "prohibit" {
				w.Verdict = "route"
			} else if s.Route != nil {
				w.Verdict = s.Route.Type
			} else {
				w.Verdict = r.Action
			}
			return w
		}
	}
	return w
}

// targeted reports whether there is a rule that a goto leads to.
func targeted(rules []hostnet.FIBRule, r hostnet.FIBRule) bool {
	return slices.ContainsFunc(rules, func(t hostnet.FIBRule) bool { return t.Family == r.Family && t.Priority == r.Goto })
}

func (w *Walk) step(r hostnet.FIBRule, tables Tables, from, to netip.Addr) Step {
	s := Step{Rule: r}
	why := mismatch(r, from, to)
	switch {
	case len(r.Others) > 0 && why == "" || r.Not && len(r.Others) > 0:
		s.Outcome, s.Why = Unknown, strings.Join(r.Others, ", ")
		return s
	case r.Not && why == "":
		s.Outcome, s.Why = Skipped, "not: it fits"
		return s
	case !r.Not && why != "":
		s.Outcome, s.Why = Skipped, why
		return s
	}
	switch r.Action {
	case "lookup":
		return lookup(s, tables[r.Table], to)
	case "goto":
		s.Outcome = Jumped
	case "nop":
		s.Outcome = Passed
	case "blackhole", "unreachable", "prohibit":
		s.Outcome = Decided
	default:
		s.Outcome, s.Why = Unknown, r.Action
	}
	return s
}

// mismatch names the selector that does not fit; empty where all do.
func mismatch(r hostnet.FIBRule, from, to netip.Addr) string {
	switch {
	case r.From.IsValid() && !r.From.Contains(from):
		return "from another address"
	case r.To.IsValid() && !r.To.Contains(to):
		return "to another address"
	// What the host itself sends comes in by lo, as fib_rules have it.
	case r.InLink != "" && r.InLink != "lo":
		return "for what comes in by " + r.InLink
	case r.OutLink != "":
		return "for sockets that are bound to " + r.OutLink
	// fib_rule_match() compares the bits of the mask alone.
	case r.Mark&r.Mask != 0:
		return "for marked packets"
	case r.TOS != 0:
		return "for another type of service"
	}
	return ""
}

// lookup looks into a table as the kernel does, and judges what it finds.
func lookup(s Step, routes []hostnet.FIBRoute, to netip.Addr) Step {
	best := longest(routes, to)
	switch {
	case best == nil || best.Type == "throw":
		s.Outcome, s.Route = Empty, best
		return s
	case suppressed(s.Rule, best):
		s.Outcome, s.Route = Suppressed, best
		return s
	}
	s.Outcome, s.Route = Decided, best
	return s
}

// suppressed is fib4_rule_suppress() of net/ipv4/fib_rules.c and fib6_rule_suppress() of
// net/ipv6/fib6_rules.c, neither of which gets to see a route that is an error.
func suppressed(r hostnet.FIBRule, route *hostnet.FIBRoute) bool {
	switch route.Type {
	case "blackhole", "unreachable", "prohibit":
		return false
	}
	return r.SuppressPrefixLength != hostnet.NoSuppress && route.Destination.Bits() <= int(r.SuppressPrefixLength)
}

// longest returns the route of the longest prefix, and of those the one with the
// least metric: the first of several.
func longest(routes []hostnet.FIBRoute, to netip.Addr) *hostnet.FIBRoute {
	var best *hostnet.FIBRoute
	for i := range routes {
		r := &routes[i]
		if !r.Destination.Contains(to) || r.Dead {
			continue
		}
		if best == nil || r.Destination.Bits() > best.Destination.Bits() ||
			r.Destination.Bits() == best.Destination.Bits() && r.Metric < best.Metric {
			best = r
		}
	}
	return best
}

// MainAlone are the rules of a host whose owner made none: the kernel's own.
func MainAlone(family hostnet.Family) []hostnet.FIBRule {
	var rules []hostnet.FIBRule
	for _, r := range []struct{ priority, table uint32 }{{0, hostnet.TableLocal}, {32766, hostnet.TableMain}, {32767, 253}} {
		rules = append(rules, hostnet.FIBRule{
			Family: family, Priority: r.priority, Action: "lookup", Table: r.table, SuppressPrefixLength: hostnet.NoSuppress,
		})
	}
	return rules
}

// Outside returns an address that no route but a default one leads to, as those of
// the internet are: the first of the networks for documentation (RFC 5737, RFC 3849)
// that the host has no use for.
func Outside(family hostnet.Family, tables Tables) netip.Addr {
	candidates := []string{"203.0.113.1", "198.51.100.1", "192.0.2.1", "198.18.0.1"}
	if family == hostnet.IPv6 {
		candidates = []string{"2001:db8:ffff::1", "3fff::1", "2001:db8::ffff", "2001:2::1"}
	}
	for _, text := range candidates {
		addr := netip.MustParseAddr(text)
		known := false
		for _, routes := range tables {
			for _, r := range routes {
				known = known || r.Destination.Bits() > 0 && r.Destination.Contains(addr)
			}
		}
		if !known {
			return addr
		}
	}
	return netip.MustParseAddr(candidates[0])
}
