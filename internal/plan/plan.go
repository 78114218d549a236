package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Policy is what the configuration says of policy routing.
type Policy struct {
	// TableBase plus a link's ifindex is the number of its table
	// (RouteTableBase).
	TableBase uint32
	// Priority is N of the four priorities N to N+3 of rules (RulePriority).
	Priority uint32
}

// Table returns the number of the table of the link of that ifindex.
func (p Policy) Table(index int) uint32 { return p.TableBase + uint32(index) }

// Link is what is known of a link that gets a table and rules.
type Link struct {
	hostnet.LinkFacts
	// Gateways are told by others than the main table, best first; of either
	// family.
	Gateways []Gateway
}

// Gateway is a router that somebody names for a link.
type Gateway struct {
	Addr netip.Addr
	// Source says who: "dhcp", "metadata", or "subnet" for the first host of one.
	Source string
}

// Outcome is what is wanted for one link, for people and programs.
type Outcome struct {
	// Table is the number of the link's table, even where that stays empty.
	Table uint32
	// Addresses are those that get rules: each as a prefix of full length, and
	// ranges; sorted.
	Addresses []netip.Prefix
	// Gateway4 and Gateway6 are those of the default routes in Table.
	Gateway4, Gateway6 ChosenGateway
	// Skipped says why the link gets nothing; it is empty where it gets
	// something.
	Skipped string
	// Notes say what the link does without, and why.
	Notes []string
}

// ChosenGateway is where a default route leads.
type ChosenGateway struct {
	// Addr is invalid where there is no default route, or one that names the
	// link alone.
	Addr netip.Addr
	// Device is true for a default route that names the link alone.
	Device bool
	// Source says who told: "main table", or whom Gateway.Source names; it is empty
	// where nobody had to.
	Source string
}

// Plan is all that the kernel is to have of netbrk.
type Plan struct {
	// Rules are in the order in which the kernel asks them.
	Rules []hostnet.Rule
	// Routes are in the order in which they can be added to an empty table.
	Routes []hostnet.Route
	// Links has an outcome for each link that was asked for, by ifindex.
	Links map[int]Outcome
}

// Want returns what the kernel is to have so that each of the links, told once,
// answers by the way it was asked. The order of links, of their addresses and
// of their routes does not matter.
func Want(p Policy, links []Link) Plan {
	plan := Plan{Links: make(map[int]Outcome, len(links))}
	var selectors []selector
	for _, l := range links {
		out, routes := p.wantLink(l)
		plan.Links[l.Link.Index] = out
		plan.Routes = append(plan.Routes, routes...)
		selectors = slices.Grow(selectors, len(out.Addresses))
		for _, a := range out.Addresses {
			selectors = append(selectors, selector{a, out.Table})
		}
	}
	plan.Rules = p.rules(selectors)
	slices.SortFunc(plan.Routes, compareRoutes)
	return plan
}

func (p Policy) wantLink(l Link) (Outcome, []hostnet.Route) {
	out := Outcome{Table: p.Table(l.Link.Index)}
	if out.Skipped = p.skip(l.Link); out.Skipped != "" {
		return out, nil
	}
	addresses := managed(l.LinkFacts)
	if len(addresses) == 0 {
		out.Skipped = "no global address"
		return out, nil
	}
	out.Addresses = addresses
	if l.Link.Flags&hostnet.FlagUp == 0 {
		// The kernel refuses routes of a link that is down (ENETDOWN, fib_check_nh
		// in net/ipv4/fib_semantics.c). Its rules stay, and find an empty table.
		out.Notes = append(out.Notes, fmt.Sprintf("link is down: table %d is empty until it is up", out.Table))
		return out, nil
	}
	t := newTable(l, out)
	t.addConnected()
	t.addCopies()
	t.out.Gateway4 = t.addDefault(hostnet.IPv4)
	t.out.Gateway6 = t.addDefault(hostnet.IPv6)
	return t.out, t.routes
}

// skip says why a link gets nothing, whatever its addresses.
func (p Policy) skip(l hostnet.Link) string {
	switch {
	case l.Index <= 0 || l.Name == "":
		return "vanished"
	case l.Flags&hostnet.FlagLoopback != 0:
		return "loopback"
	case l.MasterIndex != 0:
		// A VRF has a table of its own, a bridge or bond carries the addresses.
		return fmt.Sprintf("enslaved to ifindex %d", l.MasterIndex)
	}
	if table := p.Table(l.Index); table >= tableDefault && table <= hostnet.TableLocal {
		return fmt.Sprintf("table %d is the kernel's own", table)
	}
	return ""
}

// tableDefault is RT_TABLE_DEFAULT of rtnetlink(7), the first of the three
// tables that the kernel makes.
const tableDefault = 253
