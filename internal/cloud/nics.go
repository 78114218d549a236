package cloud

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Addresses gives the addresses of a NIC their roles and the lengths of their
// subnets. The first of a family is the primary one: that which DHCP hands out.
func Addresses(addrs []netip.Addr, subnets []netip.Prefix) []hostnet.CloudAddress {
	var found []hostnet.CloudAddress
	for _, addr := range addrs {
		sameFamily := func(a hostnet.CloudAddress) bool { return a.Addr.Is4() == addr.Is4() }
		a := hostnet.CloudAddress{Addr: addr, Role: hostnet.RolePrimary}
		if slices.ContainsFunc(found, sameFamily) {
			a.Role = hostnet.RoleSecondary
		}
		if i := slices.IndexFunc(subnets, func(p netip.Prefix) bool { return p.Contains(addr) }); i >= 0 {
			a.Bits = subnets[i].Bits()
		}
		found = append(found, a)
	}
	return found
}

// AddRanges appends prefixes of a kind, see hostnet.CloudRange. One that is there
// already, of whatever kind, is there once.
func AddRanges(found []hostnet.CloudRange, kind string, prefixes []netip.Prefix) []hostnet.CloudRange {
	for _, p := range prefixes {
		if !slices.ContainsFunc(found, func(r hostnet.CloudRange) bool { return r.Prefix == p }) {
			found = append(found, hostnet.CloudRange{Prefix: p, Kind: kind})
		}
	}
	return found
}

// MaxNICs is more than any machine has, Oracle's bare metal with 256 included.
const MaxNICs = 1024

// ByMAC sorts NICs: the primary one first, the others by their MAC. It is for
// services that list them in no order.
func ByMAC(nics []hostnet.NIC) {
	slices.SortStableFunc(nics, func(x, y hostnet.NIC) int {
		switch {
		case x.Primary && !y.Primary:
			return -1
		case y.Primary && !x.Primary:
			return 1
		}
		return cmp.Compare(x.MAC, y.MAC)
	})
}

// Distinct returns the NICs, each MAC once. Of two with one MAC it cannot be said
// which of them is meant: what is left of them has the key in its Missing. No NIC
// at all is an error, which wraps ErrNotReady: nothing listed is never the truth,
// and cloud-network, which took it for that, has cut off machines. More than
// MaxNICs are one that wraps ErrRefused.
func Distinct(key string, nics []hostnet.NIC) ([]hostnet.NIC, error) {
	switch {
	case len(nics) == 0:
		return nil, fmt.Errorf("reading %q: no NIC is listed: %w", key, ErrNotReady)
	case len(nics) > MaxNICs:
		return nil, fmt.Errorf("reading %q: %w: more than %d NICs are listed", key, ErrRefused, MaxNICs)
	}
	var found []hostnet.NIC
	for _, nic := range nics {
		i := slices.IndexFunc(found, func(other hostnet.NIC) bool { return other.MAC == nic.MAC })
		if i < 0 {
			found = append(found, nic)
			continue
		}
		gaps := Gaps(found[i].Missing)
		gaps.Add(key)
		found[i].Missing = gaps
	}
	return found, nil
}
