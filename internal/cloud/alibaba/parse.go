package alibaba

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// Parse reads the answers to Fetch's keys. The primary NIC, that of the key mac,
// comes first and the others by their MAC: the service lists them in no order.
func Parse(a cloud.Answers) (hostnet.Metadata, error) {
	var gaps cloud.Gaps
	m := hostnet.Metadata{System: system(a, &gaps)}
	directories, whole := nicDirectories(a)
	if !whole {
		gaps.Add(macsKey)
	}
	primary := gaps.MAC(macKey, a.Text(macKey))
	for _, directory := range directories {
		n := parseNIC(a, directory)
		if n.Primary = n.MAC == primary; n.Primary {
			setPublic(&n, m.System.PublicIPv4)
		}
		m.NICs = append(m.NICs, n)
	}
	m.Missing = gaps
	cloud.ByMAC(m.NICs)
	var err error
	m.NICs, err = cloud.Distinct(macsKey, m.NICs)
	return m, err
}

func parseNIC(a cloud.Answers, directory string) hostnet.NIC {
	var gaps cloud.Gaps
	noteFailed(a, directory, &gaps)
	text := func(name string) string { return a.Text(directory + name) }
	mac := strings.TrimSuffix(strings.TrimPrefix(directory, macsKey), "/")
	n := hostnet.NIC{
		MAC:      gaps.MAC("mac", mac),
		ID:       cloud.ParseFact(text("network-interface-id")),
		Gateway4: gaps.Addr4("gateway", text("gateway")),
		Gateway6: gaps.Addr6("ipv6-gateway", text("ipv6-gateway")),
		Ranges: cloud.AddRanges(nil, "delegated", append(
			gaps.Prefixes4("ipv4-prefixes", cloud.ParseList(text("ipv4-prefixes"))),
			gaps.Prefixes6("ipv6-prefixes", cloud.ParseList(text("ipv6-prefixes")))...)),
	}
	addrs := privateIPv4s(text, &gaps)
	n.Subnets = subnets(text, addrs, &gaps)
	addrs = append(addrs, gaps.Addrs6("ipv6s", cloud.ParseList(text("ipv6s")))...)
	n.Addresses = cloud.Addresses(addrs, n.Subnets)
	checkNIC(n, a.Has(directory+"private-ipv4s"), &gaps)
	n.Missing = gaps
	return n
}

// checkNIC notes what a NIC must have: an IPv6-only one has no IPv4 address, and
// an IPv4 address has a subnet and stands in a list, even alone.
func checkNIC(n hostnet.NIC, listed bool, gaps *cloud.Gaps) {
	if len(n.Addresses) == 0 {
		gaps.Add("primary-ip-address")
		return
	}
	first := n.Addresses[0]
	if first.Addr.Is4() && first.Bits == 0 {
		gaps.Add("vswitch-cidr-block")
	}
	if first.Addr.Is4() && !listed {
		gaps.Add("private-ipv4s")
	}
}

// noteFailed notes the keys that were listed and could not be had. One that is
// absent by now is among them: the NIC changes while we look.
func noteFailed(a cloud.Answers, directory string, gaps *cloud.Gaps) {
	if a.Failed[directory] != nil {
		gaps.Add(macsKey)
	}
	for _, name := range nicKeys(a, directory) {
		if !a.Has(directory + name) {
			gaps.Add(name)
		}
	}
}

// privateIPv4s are the addresses with the primary one first. The list itself is
// in no order: NetworkManager took a secondary for the primary (rhbz 2079849).
// The others are sorted, so that the same answer in another order changes nothing.
func privateIPv4s(text func(string) string, gaps *cloud.Gaps) []netip.Addr {
	addrs := gaps.Addrs4("private-ipv4s", cloud.ParseList(text("private-ipv4s")))
	primary := gaps.Addr4("primary-ip-address", text("primary-ip-address"))
	slices.SortFunc(addrs, netip.Addr.Compare)
	switch {
	case primary.IsValid():
		isPrimary := func(addr netip.Addr) bool { return addr == primary }
		return slices.Insert(slices.DeleteFunc(addrs, isPrimary), 0, primary)
	case len(addrs) > 1:
		gaps.Add("primary-ip-address")
	}
	return addrs
}

func subnets(text func(string) string, addrs []netip.Addr, gaps *cloud.Gaps) []netip.Prefix {
	found := gaps.Prefixes4("vswitch-cidr-block", []string{text("vswitch-cidr-block")})
	if mask := text("netmask"); len(found) == 0 && len(addrs) > 0 && mask != "" {
		found = gaps.Prefixes4("netmask", []string{addrs[0].String() + "/" + mask})
	}
	return append(found, gaps.Prefixes6("vswitch-ipv6-cidr-block", []string{text("vswitch-ipv6-cidr-block")})...)
}

// setPublic maps the instance's public address to the primary one.
func setPublic(n *hostnet.NIC, public string) {
	if addr, err := cloud.ParseAddr(public); err == nil && len(n.Addresses) > 0 && n.Addresses[0].Addr.Is4() {
		n.Addresses[0].Public = addr
	}
}
