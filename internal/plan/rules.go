package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// selector is an address, or a range, with the table that decides for it.
type selector struct {
	prefix netip.Prefix
	table  uint32
}

func (a selector) compare(b selector) int {
	return cmp.Or(comparePrefixes(a.prefix, b.prefix), cmp.Compare(a.table, b.table))
}

// The rules' places, counted from Policy.Priority.
const (
	placeSpecific = iota // the link's own subnets and specific routes
	placeMain            // whatever main knows better than by a default route
	placeDefault         // the link's default route
	placeTo              // as the older tools did: the local table, asked first, has the address
)

// rules returns the rules of all selectors, which it sorts.
func (p Policy) rules(selectors []selector) []hostnet.Rule {
	slices.SortFunc(selectors, selector.compare)
	rules := make([]hostnet.Rule, 0, 3*len(selectors)+2)
	for _, s := range selectors {
		r := p.rule(placeSpecific, s)
		r.From, r.SuppressPrefixLength = s.prefix, 0
		rules = append(rules, r)
	}
	rules = append(rules, p.mainRules(selectors)...)
	for _, s := range selectors {
		r := p.rule(placeDefault, s)
		r.From = s.prefix
		rules = append(rules, r)
	}
	for _, s := range selectors {
		r := p.rule(placeTo, s)
		r.To = s.prefix
		rules = append(rules, r)
	}
	return rules
}

// mainRules returns one rule for each family among selectors, which are sorted.
func (p Policy) mainRules(selectors []selector) []hostnet.Rule {
	var rules []hostnet.Rule
	for _, s := range selectors {
		r := p.rule(placeMain, selector{s.prefix, hostnet.TableMain})
		r.SuppressPrefixLength = 0
		if len(rules) == 0 || rules[len(rules)-1] != r {
			rules = append(rules, r)
		}
	}
	return rules
}

func (p Policy) rule(place uint32, s selector) hostnet.Rule {
	return hostnet.Rule{
		Family:               hostnet.FamilyOf(s.prefix.Addr()),
		Priority:             p.Priority + place,
		Table:                s.table,
		SuppressPrefixLength: hostnet.NoSuppress,
		Protocol:             hostnet.Protocol,
	}
}

// compareRules orders rules as the kernel asks them; among those of one
// priority, which it asks in the order in which they came, by their selectors.
// Of netbrk's own rules, different ones never compare as equal.
func compareRules(a, b hostnet.Rule) int {
	// One after another: cmp.Or would compare all of them each time.
	if c := cmp.Compare(a.Priority, b.Priority); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Family, b.Family); c != 0 {
		return c
	}
	if c := comparePrefixes(a.From, b.From); c != 0 {
		return c
	}
	if c := comparePrefixes(a.To, b.To); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.SuppressPrefixLength, b.SuppressPrefixLength))
}

// comparePrefixes is netip.Prefix.Compare for prefixes that are masked, or
// invalid: that one masks both anew, which is most of its time.
func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return cmp.Compare(a.Bits(), b.Bits())
}
