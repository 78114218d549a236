package plan

import (
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// managed returns the addresses and ranges of a link that get rules, sorted.
// An address that is there with two prefix lengths counts once.
func managed(f hostnet.LinkFacts) []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(f.Addrs)+len(f.Ranges))
	for _, a := range f.Addrs {
		if isManaged(a) {
			prefixes = append(prefixes, hostnet.HostPrefix(a.Prefix.Addr()))
		}
	}
	for _, r := range f.Ranges {
		// Not of a host that answers for every address (`local default`): the
		// unspecified one is not global, and this table must not decide for all.
		if r = r.Masked(); r.Addr().IsGlobalUnicast() {
			prefixes = append(prefixes, r)
		}
	}
	slices.SortFunc(prefixes, comparePrefixes)
	return slices.Compact(prefixes)
}

// isManaged reports whether an address gets rules: it can be used, and others
// than the neighbours can know it.
func isManaged(a hostnet.Addr) bool {
	wide := a.Scope == hostnet.ScopeGlobal || a.Scope == hostnet.ScopeSite
	return wide && a.Usable() && a.Prefix.Addr().IsGlobalUnicast()
}
