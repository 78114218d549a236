package plan

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// CloudLink is a link that is a NIC of the cloud's metadata.
type CloudLink struct {
	hostnet.LinkFacts
	// NIC is the last complete answer about it.
	NIC hostnet.NIC
	// Keeper names who configures the link, such as "systemd-networkd"; empty for
	// nobody. Its primary address is the keeper's.
	Keeper string
	// Added are the addresses that netbrk put on the link, by its ledger, each
	// with its prefix length; MTUSet is the MTU that it gave it, 0 for none.
	Added  []netip.Prefix
	MTUSet int
}

// LinkWant is what a NIC's link is to get besides its table and rules.
type LinkWant struct {
	// Steps bring the link and its addresses there, in order.
	Steps []hostnet.LinkStep
	// Routes are `local` routes for the NIC's ranges and, where nobody else
	// configures the link, the cloud's own routes.
	Routes []hostnet.Route
	// Added and MTUSet are the ledger's. An address that is to go stays in it until
	// it is gone.
	Added  []netip.Prefix
	MTUSet int
	// Notes say what is left out, and why.
	Notes []string
}

// WantLink returns what a NIC's link is to get. It never touches an address that
// netbrk did not add.
func WantLink(l CloudLink) LinkWant {
	w := nicWant{CloudLink: l, wanted: map[netip.Prefix]hostnet.Addr{}}
	w.adopt()
	w.wantLink()
	w.wantAddresses()
	w.wantRoutes()
	w.steps()
	return w.out
}

// Forget returns what it takes to leave a link as if no cloud had told of it.
func Forget(facts hostnet.LinkFacts, added []netip.Prefix) LinkWant {
	w := nicWant{CloudLink: CloudLink{LinkFacts: facts, Added: added}, wanted: map[netip.Prefix]hostnet.Addr{}}
	w.adopt()
	w.steps()
	return w.out
}

// nicWant is a LinkWant in the making.
type nicWant struct {
	CloudLink
	out LinkWant
	// present are the link's addresses, ours those of them that netbrk added.
	present map[netip.Addr][]hostnet.Addr
	ours    map[netip.Prefix]bool
	wanted  map[netip.Prefix]hostnet.Addr
	order   []netip.Prefix // of wanted
}

// adopt finds out which addresses are netbrk's: those of the ledger, and those
// with its mark, which outlive a lost ledger (IFA_PROTO).
func (w *nicWant) adopt() {
	w.present, w.ours = map[netip.Addr][]hostnet.Addr{}, map[netip.Prefix]bool{}
	for _, p := range w.Added {
		w.ours[p] = true
	}
	for _, a := range w.Addrs {
		addr := a.Prefix.Addr()
		w.present[addr] = append(w.present[addr], a)
		if a.Protocol == hostnet.Protocol {
			w.ours[a.Prefix] = true
		}
	}
}

func (w *nicWant) wantLink() {
	w.out.MTUSet = w.MTUSet
	step := hostnet.LinkStep{Index: w.Link.Index}
	if w.Link.Flags&hostnet.FlagUp == 0 {
		if w.Keeper != "" {
			w.note("link is down, which is for %s to say", w.Keeper)
		}
		step.Up = w.Keeper == ""
	}
	// Once: whoever gives it another one afterwards has a reason.
	if mtu := w.NIC.MTUBytes; mtu != 0 && mtu != w.MTUSet && mtu != w.MTUBytes {
		step.MTUBytes, w.out.MTUSet = mtu, mtu
	}
	if step.Up || step.MTUBytes != 0 {
		w.out.Steps = append(w.out.Steps, step)
	}
}

func (w *nicWant) wantAddresses() {
	for _, family := range []hostnet.Family{hostnet.IPv4, hostnet.IPv6} {
		ready := w.wantPrimary(family)
		for _, a := range w.NIC.Addresses {
			if a.Role == hostnet.RolePrimary || hostnet.FamilyOf(a.Addr) != family || !a.Addr.IsGlobalUnicast() {
				continue
			}
			if !ready {
				// First on the link, it would be the preferred source of whatever
				// leaves by it (seen on Linux 6.18 with a route that names no source).
				w.note("%s waits for the primary %s address", a.Addr, familyName(family))
				continue
			}
			w.want(hostnet.Addr{Prefix: hostnet.HostPrefix(a.Addr), Flags: hostnet.AddrNoPrefixRoute | noDAD(family)})
		}
	}
}

// wantPrimary wants the primary address of a family where nobody else sees to it,
// and reports whether it is there, or will be.
func (w *nicWant) wantPrimary(family hostnet.Family) (ready bool) {
	ready = true
	for _, a := range w.NIC.Addresses {
		if a.Role != hostnet.RolePrimary || hostnet.FamilyOf(a.Addr) != family || !a.Addr.IsGlobalUnicast() {
			continue
		}
		theirs := slices.ContainsFunc(w.present[a.Addr], func(p hostnet.Addr) bool { return !w.ours[p.Prefix] })
		if w.Keeper != "" && !w.NIC.Static {
			return theirs
		}
		bits := a.Bits
		if bits == 0 {
			bits = a.Addr.BitLen()
		}
		w.want(hostnet.Addr{Prefix: netip.PrefixFrom(a.Addr, bits), Flags: noDAD(family)})
	}
	return ready
}

// noDAD spares an IPv6 address of the cloud the search for a duplicate: the cloud
// has seen to it, and nothing can use it while that lasts.
func noDAD(family hostnet.Family) uint32 {
	if family == hostnet.IPv6 {
		return hostnet.AddrNoDAD
	}
	return 0
}

// want wants an address, unless somebody else has put it on the link.
func (w *nicWant) want(a hostnet.Addr) {
	for _, there := range w.present[a.Prefix.Addr()] {
		if !w.ours[there.Prefix] {
			return
		}
	}
	if _, twice := w.wanted[a.Prefix]; !twice {
		w.wanted[a.Prefix] = a
		w.order = append(w.order, a.Prefix)
	}
}

// steps adds what is wanted and not there, then removes what is ours and in vain.
func (w *nicWant) steps() {
	for _, p := range w.order {
		there := slices.ContainsFunc(w.present[p.Addr()], func(a hostnet.Addr) bool { return a.Prefix == p })
		if !there {
			w.out.Steps = append(w.out.Steps, hostnet.LinkStep{Op: hostnet.OpAdd, Index: w.Link.Index, Addr: w.wanted[p]})
		}
		w.out.Added = append(w.out.Added, p)
	}
	for _, a := range w.Addrs {
		if _, keep := w.wanted[a.Prefix]; w.ours[a.Prefix] && !keep {
			w.out.Added = append(w.out.Added, a.Prefix) // until it is seen to be gone
			w.out.Steps = append(w.out.Steps, hostnet.LinkStep{Op: hostnet.OpDelete, Index: w.Link.Index, Addr: hostnet.Addr{Prefix: a.Prefix}})
		}
	}
	slices.SortFunc(w.out.Added, netip.Prefix.Compare)
}

func (w *nicWant) wantRoutes() {
	down := w.Link.Flags&hostnet.FlagUp == 0
	for _, r := range w.NIC.Ranges {
		family := hostnet.FamilyOf(r.Prefix.Addr())
		if !r.Prefix.Addr().IsGlobalUnicast() || r.Prefix.Bits() == 0 {
			w.note("range %s is refused", r.Prefix)
			continue
		}
		if down && family == hostnet.IPv6 {
			// ENETDOWN, ip6_route_info_create in net/ipv6/route.c; IPv4 takes a route
			// of scope host (fib_create_info in net/ipv4/fib_semantics.c).
			w.note("range %s waits until the link is up", r.Prefix)
			continue
		}
		local := hostnet.Route{
			Table: hostnet.TableLocal, Type: hostnet.RouteLocal, Destination: r.Prefix.Masked(), Index: w.Link.Index,
			Metric: firstMetric(family), Protocol: hostnet.Protocol,
		}
		if family == hostnet.IPv4 {
			local.Scope = hostnet.ScopeHost
		}
		w.out.Routes = append(w.out.Routes, local)
	}
	if w.Keeper != "" || down {
		return // the keeper has them by DHCP; a link that is down takes none
	}
	for _, r := range CloudRoutes(w.NIC, w.Link.Index) {
		r.Protocol = hostnet.Protocol
		w.out.Routes = append(w.out.Routes, r)
	}
}

func (w *nicWant) note(format string, args ...any) {
	w.out.Notes = append(w.out.Notes, fmt.Sprintf(format, args...))
}

// CloudRoutes returns the routes that the cloud tells for a NIC, as they are in the
// main table.
func CloudRoutes(nic hostnet.NIC, index int) []hostnet.Route {
	var routes []hostnet.Route
	for _, r := range nic.Routes {
		to := r.Destination.Masked()
		if !to.IsValid() || to.Bits() == 0 || hostnet.FamilyOf(r.Gateway) != hostnet.FamilyOf(to.Addr()) {
			continue // a default route is the gateway's matter
		}
		routes = append(routes, hostnet.Route{
			Table: hostnet.TableMain, Type: hostnet.RouteUnicast, Destination: to, Gateway: r.Gateway, Index: index,
			Metric: firstMetric(hostnet.FamilyOf(to.Addr())), OnLink: !within(r.Gateway, nic.Subnets),
		})
	}
	return routes
}

func within(a netip.Addr, subnets []netip.Prefix) bool {
	return slices.ContainsFunc(subnets, func(p netip.Prefix) bool { return p.Contains(a) }) || a.IsLinkLocalUnicast()
}

// CloudGateways returns the gateways that the cloud tells for a NIC, best first.
func CloudGateways(nic hostnet.NIC) []Gateway {
	var gateways []Gateway
	for _, a := range []netip.Addr{nic.Gateway4, nic.Gateway6} {
		if a.IsValid() {
			gateways = append(gateways, Gateway{Addr: a, Source: "metadata"})
		}
	}
	if !nic.FirstHost {
		return gateways
	}
	for _, p := range nic.Subnets {
		if first := firstHost(p); first.IsValid() {
			gateways = append(gateways, Gateway{Addr: first, Source: "subnet"})
		}
	}
	return gateways
}

// firstHost returns the first host of an IPv4 subnet, where AWS and Azure have
// their router.
func firstHost(p netip.Prefix) netip.Addr {
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}
	}
	b := p.Masked().Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+1)
	return netip.AddrFrom4(b)
}
