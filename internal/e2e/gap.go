package e2e

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// RulePriority and RouteTableBase are the defaults of the keys: the priority of the
// first of an address's rules, and what a link's ifindex is added to for its table.
const (
	RulePriority   = 30000
	RouteTableBase = 9999
)

// PolicyRules returns the rules that an address has with its link's table.
func PolicyRules(address netip.Addr, table uint32) []hostnet.Rule {
	own := netip.PrefixFrom(address, address.BitLen())
	rule := func(n uint32, from, to netip.Prefix, table uint32, suppress int32) hostnet.Rule {
		return hostnet.Rule{
			Family: hostnet.FamilyOf(address), Priority: RulePriority + n, From: from, To: to, Table: table,
			SuppressPrefixLength: suppress, Protocol: hostnet.Protocol,
		}
	}
	return []hostnet.Rule{
		rule(0, own, netip.Prefix{}, table, 0),
		rule(1, netip.Prefix{}, netip.Prefix{}, hostnet.TableMain, 0),
		rule(2, own, netip.Prefix{}, table, hostnet.NoSuppress),
		rule(3, netip.Prefix{}, own, table, hostnet.NoSuppress),
	}
}

// Gap is a time in which an address was there and one of its rules was not.
type Gap struct {
	Address netip.Addr
	Table   uint32
	Begin   time.Time
	// End is zero if it had none.
	End time.Time
	// Missing is the last rule that was added, or that still is not there.
	Missing hostnet.Rule
}

// Length is how long the gap was; until is the end of one that had none.
func (g Gap) Length(until time.Time) time.Duration {
	if g.End.IsZero() {
		return until.Sub(g.Begin)
	}
	return g.End.Sub(g.Begin)
}

// String tells the gap in a line.
func (g Gap) String() string {
	if g.End.IsZero() {
		return fmt.Sprintf("%s: without %q to the end", g.Address, g.Missing)
	}
	return fmt.Sprintf("%s: %v without %q", g.Address, g.End.Sub(g.Begin).Round(100*time.Microsecond), g.Missing)
}

// Gaps returns the gaps of all addresses of the named links, in the order of
// their ends, from the notice numbered from on. One that was open then counts
// from that notice, one that is open at the end has no end.
func Gaps(all []Notice, from int, links ...string) []Gap {
	f := gapFinder{state: replay(all[:from]), links: links, open: make(map[netip.Addr]Gap)}
	for i, n := range all[from:] {
		if i == 0 {
			f.look(n.At)
		}
		f.state.apply(n)
		switch n.Kind {
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE: // no gap begins or ends with one
		default:
			f.look(n.At)
		}
	}
	return append(f.found, slices.Collect(maps.Values(f.open))...)
}

// gapFinder follows the addresses of some links.
type gapFinder struct {
	state NetState
	links []string
	open  map[netip.Addr]Gap
	found []Gap
}

// look compares the state of a moment with that of the last.
func (f *gapFinder) look(at time.Time) {
	lacking := make(map[netip.Addr]Gap)
	for _, link := range f.links {
		maps.Copy(lacking, f.state.lacking(f.state.Index(link)))
	}
	for address, g := range lacking {
		g.Begin = at
		if began, ok := f.open[address]; ok && began.Table == g.Table {
			g.Begin = began.Begin
		}
		f.open[address] = g
	}
	for address, g := range f.open {
		if _, ok := lacking[address]; !ok { // all is there, or nobody needs it
			g.End = at
			f.found = append(f.found, g)
			delete(f.open, address)
		}
	}
}

// lacking returns an open gap for each address of a link one of whose rules is
// not there.
func (s NetState) lacking(index int) map[netip.Addr]Gap {
	found := make(map[netip.Addr]Gap)
	table := RouteTableBase + uint32(index)
	for _, a := range s.Addrs[index] {
		if !managed(a) {
			continue
		}
		for _, r := range PolicyRules(a.Prefix.Addr(), table) {
			if !slices.Contains(s.Rules, r) {
				found[a.Prefix.Addr()] = Gap{Address: a.Prefix.Addr(), Table: table, Missing: r}
			}
		}
	}
	return found
}

// Longest returns the longest of the gaps; until is the end of those without.
func Longest(gaps []Gap, until time.Time) time.Duration {
	var longest time.Duration
	for _, g := range gaps {
		longest = max(longest, g.Length(until))
	}
	return longest
}
