package hostnet

import (
	"fmt"
	"net/netip"
	"strings"
)

// FIBRule is a routing policy rule with all that decides whether it applies, see
// ip-rule(8) and uapi/linux/fib_rules.h. Rule, which netbrk plans with, has less.
type FIBRule struct {
	Family   Family
	Priority uint32
	// From and To are invalid for any source or destination.
	From, To netip.Prefix
	// Not turns the selectors round.
	Not bool
	// InLink and OutLink are names of links, empty for any.
	InLink, OutLink string
	Mark, Mask      uint32
	TOS             uint8
	// Action is "lookup", "goto", "nop", "blackhole", "unreachable", "prohibit", or
	// the number of another.
	Action string
	// Table is what a lookup looks into, Goto the priority where a goto goes on.
	Table uint32
	Goto  uint32
	// SuppressPrefixLength is that of Rule.
	SuppressPrefixLength int32
	// Others are selectors that are told by name alone.
	Others []string
}

// String returns the rule in ip-rule(8)'s notation, less family and priority.
func (r FIBRule) String() string {
	var b strings.Builder
	if r.Not {
		b.WriteString("not ")
	}
	b.WriteString("from " + orAll(r.From))
	if r.To.IsValid() {
		b.WriteString(" to " + orAll(r.To))
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", r.TOS)
	}
	if r.Mark != 0 || r.Mask != 0 {
		fmt.Fprintf(&b, " fwmark %#x/%#x", r.Mark, r.Mask)
	}
	if r.InLink != "" {
		b.WriteString(" iif " + r.InLink)
	}
	if r.OutLink != "" {
		b.WriteString(" oif " + r.OutLink)
	}
	for _, other := range r.Others {
		b.WriteString(" " + other)
	}
	switch r.Action {
	case "lookup":
		b.WriteString(" lookup " + tableName(r.Table))
	case "goto":
		fmt.Fprintf(&b, " goto %d", r.Goto)
	default:
		b.WriteString(" " + r.Action)
	}
	if r.SuppressPrefixLength != NoSuppress {
		fmt.Fprintf(&b, " suppress_prefixlength %d", r.SuppressPrefixLength)
	}
	return b.String()
}

// FIBRoute is a route as far as a lookup depends on it.
type FIBRoute struct {
	Table uint32 `json:"table"`
	// Type is that of ip-route(8): "unicast", "local", "blackhole" and so on.
	Type        string       `json:"type"`
	Destination netip.Prefix `json:"destination"`
	// Gateway is invalid where the destination is on the link.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Link is empty for a route without one.
	Link   string `json:"link,omitempty"`
	Metric int    `json:"metric,omitempty"`
	// Hops is how many next hops there are, of which Gateway and Link are the first
	// one that is not dead; 0 for a route that is not multipath.
	Hops int `json:"hops,omitempty"`
	// Dead is true where the link of every hop is down.
	Dead bool `json:"-"`
}

// String returns the route in ip-route(8)'s notation, less the table.
func (r FIBRoute) String() string {
	var words []string
	if r.Type != "unicast" {
		words = append(words, r.Type)
	}
	if r.Destination.Bits() == 0 {
		words = append(words, "default")
	} else {
		words = append(words, orAll(r.Destination))
	}
	if r.Gateway.IsValid() {
		words = append(words, via(r.Gateway, FamilyOf(r.Destination.Addr())))
	}
	if r.Link != "" {
		words = append(words, "dev "+r.Link)
	}
	if r.Metric != 0 {
		words = append(words, fmt.Sprintf("metric %d", r.Metric))
	}
	switch {
	case r.Hops == 2:
		words = append(words, "and 1 more hop")
	case r.Hops > 2:
		words = append(words, fmt.Sprintf("and %d more hops", r.Hops-1))
	}
	return strings.Join(words, " ")
}
