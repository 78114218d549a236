package hostnet

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Protocol is netbrk's own routing protocol number, the mark of every rule and
// route that it adds (FRA_PROTOCOL and rtm_protocol, rtnetlink(7)). What does
// not carry it is somebody else's, and is never changed.
const Protocol = 110

// MaxCopied bounds the routes with a gateway that a link's table takes from the
// main table. A router's full view of the Internet must not be doubled; the
// rule that looks into main finds it there.
const MaxCopied = 1024

// ErrOccupied says that a route cannot be added where another one is, of
// whatever protocol, with the same RouteKey.
var ErrOccupied = errors.New("another route has its place")

// Family is an address family of socket(7).
type Family uint8

// AF_INET and AF_INET6 of socket(7).
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// FamilyOf returns the family of an address; 0 for one that is not valid.
func FamilyOf(a netip.Addr) Family {
	switch {
	case a.Is4():
		return IPv4
	case a.Is6():
		return IPv6
	}
	return 0
}

// NoSuppress is the value of a rule's SuppressPrefixLength that suppresses
// nothing, as the kernel has it (-1 in fib_rules.c).
const NoSuppress = -1

// Rule is a routing policy rule, see ip-rule(8). Two rules are the same one
// exactly when their values are equal.
type Rule struct {
	Family   Family
	Priority uint32
	// From and To are masked; invalid for any source or destination.
	From, To netip.Prefix
	// Table is looked up; 0 for a rule with another action.
	Table uint32
	// SuppressPrefixLength rejects routes of a prefix that long or shorter;
	// NoSuppress for none.
	SuppressPrefixLength int32
	Protocol             uint8
	// Other is true when the rule has more to it than is told here: another
	// selector, an action that is no lookup. netbrk makes no such rule.
	Other bool
}

// String returns the rule as ip-rule(8) takes it, less the family.
func (r Rule) String() string {
	var b strings.Builder
	b.WriteString("from " + orAll(r.From))
	if r.To.IsValid() {
		b.WriteString(" to " + r.To.String())
	}
	b.WriteString(" lookup " + tableName(r.Table))
	if r.SuppressPrefixLength != NoSuppress {
		fmt.Fprintf(&b, " suppress_prefixlength %d", r.SuppressPrefixLength)
	}
	fmt.Fprintf(&b, " priority %d", r.Priority)
	return b.String()
}

// orAll writes a selector; a whole address without its length, as ip(8) shows it.
func orAll(p netip.Prefix) string {
	if !p.IsValid() {
		return "all"
	}
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// tableName is what every ip(8) understands, whatever rt_tables says.
func tableName(table uint32) string {
	switch table {
	case TableMain:
		return "main"
	case TableLocal:
		return "local"
	}
	return strconv.FormatUint(uint64(table), 10)
}

// RTN_* of uapi/linux/rtnetlink.h as far as used here, and RTNH_F_ONLINK.
const (
	RouteUnicast = 1
	RouteLocal   = 2
)

// Route is a route of one next hop, see ip-route(8). A multipath route is told
// as one Route for each of its hops, with Multipath set.
type Route struct {
	Table uint32
	// Type is one of RTN_* of uapi/linux/rtnetlink.h.
	Type uint8
	// Destination is masked; 0.0.0.0/0 or ::/0 for a default route.
	Destination netip.Prefix
	// Gateway is invalid for a route without one. It may be of the other family
	// (RTA_VIA).
	Gateway netip.Addr
	// Index is the ifindex of the link that the route leaves by; 0 for none.
	Index int
	// Source is the preferred source address; invalid for none.
	Source netip.Addr
	// Scope is RT_SCOPE_* of rtnetlink(7); the kernel knows none for IPv6.
	Scope uint8
	// Metric is RTA_PRIORITY. For IPv6 the kernel makes 1024 of 0.
	Metric   uint32
	Protocol uint8
	// OnLink says that the gateway is a neighbour though no subnet says so.
	OnLink bool
	// MTUBytes is the route's own MTU, 0 for the link's.
	MTUBytes uint32
	// Multipath is true for one of several hops.
	Multipath bool
}

// Family returns the family of the route's destination.
func (r Route) Family() Family { return FamilyOf(r.Destination.Addr()) }

// IsDefault reports whether r is a default route.
func (r Route) IsDefault() bool { return r.Destination.Bits() == 0 }

// RouteKey is what the kernel allows one route for: a second one is EEXIST.
type RouteKey struct {
	Table       uint32
	Destination netip.Prefix
	Metric      uint32
}

// Key returns what no other route may share with r.
func (r Route) Key() RouteKey { return RouteKey{r.Table, r.Destination, r.Metric} }

// Describe returns the route as ip-route(8) takes it, less the family; link is
// the name of its link.
func (r Route) Describe(link string) string {
	var b strings.Builder
	if r.Type == RouteLocal {
		b.WriteString("local ")
	}
	switch {
	case r.IsDefault():
		b.WriteString("default")
	default:
		b.WriteString(orAll(r.Destination))
	}
	if r.Gateway.IsValid() {
		b.WriteString(" " + via(r.Gateway, r.Family()))
	}
	if link != "" {
		b.WriteString(" dev " + link)
	}
	b.WriteString(" table " + tableName(r.Table))
	if r.Family() == IPv4 && r.Scope == ScopeLink {
		b.WriteString(" scope link")
	}
	if r.Source.IsValid() {
		b.WriteString(" src " + r.Source.String())
	}
	if r.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", r.Metric)
	}
	if r.MTUBytes != 0 {
		fmt.Fprintf(&b, " mtu %d", r.MTUBytes)
	}
	if r.OnLink {
		b.WriteString(" onlink")
	}
	return b.String()
}

// via names the gateway of a route of a family: in IPv4 it may be a neighbour in
// IPv6 (RTA_VIA).
func via(gateway netip.Addr, family Family) string {
	if FamilyOf(gateway) != family {
		return "via inet6 " + gateway.String()
	}
	return "via " + gateway.String()
}

// Op is what a step does.
type Op uint8

// The operations. Replace is for a route whose key stays.
const (
	OpAdd Op = iota
	OpReplace
	OpDelete
)

// String returns the verb of ip(8).
func (o Op) String() string {
	switch o {
	case OpAdd:
		return "add"
	case OpReplace:
		return "replace"
	}
	return "delete"
}

// Step is one change of the kernel's policy routing: of a rule, or of a route.
type Step struct {
	Op Op
	// IsRule says which of the two is meant.
	IsRule bool
	Rule   Rule
	Route  Route
}

// Command returns the step as a command line of ip(8); name returns the name of
// a link by its ifindex.
func (s Step) Command(name func(index int) string) string {
	if s.IsRule {
		return fmt.Sprintf("ip %s rule %s %s protocol %d", s.Rule.Family.flag(), s.Op, s.Rule, s.Rule.Protocol)
	}
	link := ""
	if s.Route.Index != 0 {
		link = ShellWord(name(s.Route.Index))
	}
	return fmt.Sprintf("ip %s route %s %s protocol %d", s.Route.Family().flag(), s.Op, s.Route.Describe(link), s.Route.Protocol)
}

func (f Family) flag() string {
	if f == IPv6 {
		return "-6"
	}
	return "-4"
}

// LinkFacts are what the kernel knows of a link as far as its policy routing
// depends on it.
type LinkFacts struct {
	Link Link
	// MAC is the hardware address in lower case with colons, empty for none.
	MAC string
	// ParentIndex is the ifindex of the link below (IFLA_LINK), 0 for none in
	// this namespace.
	ParentIndex int
	MTUBytes    int
	Addrs       []Addr
	// Routes are those of the main table that leave by the link.
	Routes []Route
	// Ranges are prefixes, longer than an address, for which the host answers on
	// the link: `local` routes in the local table that no address stands for.
	Ranges []netip.Prefix
}

// PolicyFacts are what is in the kernel at one moment, besides rules.
type PolicyFacts struct {
	// Links has every link, but addresses, routes and ranges only of those that
	// were asked for.
	Links map[int]LinkFacts
	// Routes are those that carry Protocol, of all tables.
	Routes []Route
}
