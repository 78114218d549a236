package plan_test

import (
	"math/rand/v2"
	"net/netip"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

// dice makes links and kernels of a few ingredients, so that they often meet.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0))} }

func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

func (d dice) policy() plan.Policy {
	return plan.Policy{TableBase: pick(d, uint32(10000), 10001), Priority: pick(d, uint32(100), 101, 200)}
}

func (d dice) addr() netip.Addr {
	return netip.MustParseAddr(pick(
		d, "192.0.2.1", "192.0.2.2", "192.0.2.5", "192.0.2.255", "198.51.100.1", "10.0.0.1", "169.254.0.1", "127.0.0.1", "224.0.0.1", "0.0.0.0",
		"2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1", "fe80::2", "ff02::1", "::1", "::", "::ffff:192.0.2.1",
	))
}

func (d dice) maybeAddr() netip.Addr {
	if d.oneIn(2) {
		return netip.Addr{}
	}
	return d.addr()
}

func (d dice) bits(a netip.Addr) int {
	return pick(d, a.BitLen(), a.BitLen(), a.BitLen()-1, a.BitLen()-8, a.BitLen()/2, 1, 0)
}

func (d dice) address() hostnet.Addr {
	a := d.addr()
	return hostnet.Addr{
		Prefix: netip.PrefixFrom(a, d.bits(a)),
		Peer:   pick(d, netip.Addr{}, netip.Addr{}, d.addr()),
		Scope:  pick[uint8](d, hostnet.ScopeGlobal, hostnet.ScopeGlobal, hostnet.ScopeGlobal, hostnet.ScopeLink, hostnet.ScopeHost),
		Flags:  pick[uint32](d, 0, 0, 0, hostnet.AddrTentative, hostnet.AddrSecondary, hostnet.AddrNoPrefixRoute),
	}
}

// mainRoute is not always one that the kernel would have.
func (d dice) mainRoute(index int) hostnet.Route {
	to := d.addr()
	return hostnet.Route{
		Table: hostnet.TableMain, Type: pick[uint8](d, hostnet.RouteUnicast, hostnet.RouteUnicast, hostnet.RouteUnicast, hostnet.RouteLocal, 6),
		Destination: netip.PrefixFrom(to, d.bits(to)).Masked(), Gateway: d.maybeAddr(), Source: d.maybeAddr(), Index: index,
		Scope: pick[uint8](d, 0, hostnet.ScopeLink), Metric: pick[uint32](d, 0, 0, 100, 1024), Protocol: 2,
		OnLink: d.oneIn(4), MTUBytes: pick[uint32](d, 0, 0, 1400), Multipath: d.oneIn(3),
	}
}

// links are up to four, each with its own ifindex.
func (d dice) links() []plan.Link {
	var links []plan.Link
	for index := 1; index <= 4; index++ {
		if d.oneIn(3) {
			continue
		}
		var l plan.Link
		l.Link = hostnet.Link{
			Index: index, Name: linkName(index), MasterIndex: pick(d, 0, 0, 0, 0, 0, 9),
			Flags: pick[uint32](d, up, up, up, up, 0, up|hostnet.FlagPointToPoint, up|hostnet.FlagLoopback),
		}
		for range d.IntN(6) {
			l.Addrs = append(l.Addrs, d.address())
		}
		for range d.IntN(8) {
			l.Routes = append(l.Routes, d.mainRoute(index))
		}
		for range d.IntN(3) {
			a := d.addr()
			l.Ranges = append(l.Ranges, netip.PrefixFrom(a, d.bits(a)).Masked())
		}
		for range d.IntN(3) {
			l.Gateways = append(l.Gateways, plan.Gateway{Addr: d.maybeAddr(), Source: pick(d, "dhcp", "metadata")})
		}
		links = append(links, l)
	}
	return links
}

// kernel is what another plan left, with a few things lost, doubled, changed
// or made by hand with netbrk's mark.
func (d dice) kernel() *kernel {
	if d.oneIn(8) {
		return &kernel{}
	}
	before := plan.Want(d.policy(), d.links())
	k := &kernel{}
	for _, r := range before.Rules {
		for range pick(d, 1, 1, 1, 1, 1, 1, 0, 2) {
			k.rules = append(k.rules, r)
		}
	}
	for _, r := range before.Routes {
		switch d.IntN(12) {
		case 0:
		case 1:
			r.MTUBytes = 1300
			k.routes = append(k.routes, r)
		case 2, 3:
			k.routes = append(k.routes, d.several(r)...)
		default:
			k.routes = append(k.routes, r)
		}
	}
	return k
}

// several are routes of one key: two that were appended, or hops.
func (d dice) several(r hostnet.Route) []hostnet.Route {
	first, second := r, r
	first.Gateway, second.Gateway = netip.MustParseAddr("192.0.2.77"), netip.MustParseAddr("192.0.2.78")
	if r.Family() == hostnet.IPv6 {
		first.Gateway, second.Gateway = netip.MustParseAddr("fe80::77"), netip.MustParseAddr("fe80::78")
	}
	first.Scope, second.Scope = 0, 0
	first.Source, second.Source = netip.Addr{}, netip.Addr{}
	switch {
	case d.oneIn(2):
		first.Multipath, second.Multipath = true, true
		if r.Gateway.IsValid() && r.Gateway.Is4() == r.Destination.Addr().Is4() && d.oneIn(2) {
			second.Gateway = r.Gateway
		}
		return []hostnet.Route{first, second}
	case d.oneIn(2):
		return []hostnet.Route{first, r}
	}
	return []hostnet.Route{r, first}
}
