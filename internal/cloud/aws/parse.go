package aws

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// Parse reads the answers to Fetch's keys. The primary NIC, that of the key mac,
// comes first and the others by their MAC: the service lists them in no order.
// The error is that of a list of NICs that is not to be believed.
func Parse(a cloud.Answers) (hostnet.Metadata, error) {
	directories, err := nicDirectories(a)
	if err != nil {
		return hostnet.Metadata{}, err
	}
	var m hostnet.Metadata
	for _, directory := range directories {
		m.NICs = append(m.NICs, parseNIC(a, directory))
	}
	cloud.ByMAC(m.NICs)
	if m.NICs, err = cloud.Distinct(macsKey, m.NICs); err != nil {
		return hostnet.Metadata{}, err
	}
	var gaps cloud.Gaps
	if !m.NICs[0].Primary {
		gaps.Add(macKey) // it is not in the list
	}
	associate(a, directories, m.NICs, &gaps)
	m.System = system(a, m.NICs[0], &gaps)
	m.Documents = signed(a)
	m.Missing = gaps
	return m, nil
}

// parseNIC is all or nothing for the planner: whatever is listed and was not had,
// or makes no sense, is in Missing.
func parseNIC(a cloud.Answers, directory string) hostnet.NIC {
	var gaps cloud.Gaps
	noteFailed(a, directory, &gaps)
	list := func(name string) []string { return lines(a, directory+name) }
	n := hostnet.NIC{
		MAC:     directoryMAC(directory),
		ID:      cloud.ParseFact(a.Text(directory + "interface-id")),
		Primary: isPrimary(a, directory),
		Ranges: cloud.AddRanges(nil, "delegated", append(
			gaps.Prefixes4("ipv4-prefix", list("ipv4-prefix")), gaps.Prefixes6("ipv6-prefix", list("ipv6-prefix"))...)),
		Subnets: append(
			gaps.Prefixes4("subnet-ipv4-cidr-block", list("subnet-ipv4-cidr-block")),
			gaps.Prefixes6("subnet-ipv6-cidr-blocks", list("subnet-ipv6-cidr-blocks"))...),
		FirstHost: lists(a, directory, "local-ipv4s"),
	}
	n.Addresses = cloud.Addresses(append(
		gaps.Addrs4("local-ipv4s", list("local-ipv4s")), gaps.Addrs6("ipv6s", list("ipv6s"))...), n.Subnets)
	if !n.Primary {
		place(a, directory, &n, &gaps)
	}
	checkNIC(a, directory, n, &gaps)
	n.Missing = gaps
	return n
}

// noteFailed notes the keys that were listed and could not be had, or are empty:
// a directory is ahead of its keys while a NIC propagates (amazon-ec2-net-utils
// issue 38), and behind them while it goes.
func noteFailed(a cloud.Answers, directory string, gaps *cloud.Gaps) {
	if a.Text(directory) == "" {
		gaps.Add(macsKey)
	}
	for _, name := range nicKeys(a, directory) {
		if a.Text(directory+name) == "" {
			gaps.Add(name)
		}
	}
}

// place reads where a NIC that is not the primary one is plugged in. Device 0 of
// card 0 is the primary one's: another NIC has it for a while after it was
// attached (amazon-ec2-net-utils issue 90).
func place(a cloud.Answers, directory string, n *hostnet.NIC, gaps *cloud.Gaps) {
	number := func(name string) int {
		text := a.Text(directory + name)
		value, err := strconv.ParseUint(text, 10, 16)
		if err != nil && text != "" {
			gaps.Add(name)
		}
		return int(value)
	}
	n.Device = number("device-number")
	n.Card = cmp.Or(number("network-card"), number("network-card-index"))
	if n.Device == 0 && n.Card == 0 {
		gaps.Add("device-number")
	}
}

// checkNIC notes what a NIC must have: an address, of IPv4 if its subnet has
// that, and for each family with addresses the subnet that they are in.
func checkNIC(a cloud.Answers, directory string, n hostnet.NIC, gaps *cloud.Gaps) {
	has4 := slices.ContainsFunc(n.Addresses, func(address hostnet.CloudAddress) bool { return address.Addr.Is4() })
	if len(n.Addresses) == 0 || !has4 && lists(a, directory, "subnet-ipv4-cidr-block") {
		gaps.Add("local-ipv4s")
	}
	for _, address := range n.Addresses {
		if address.Bits == 0 && address.Addr.Is4() {
			gaps.Add("subnet-ipv4-cidr-block")
		} else if address.Bits == 0 {
			gaps.Add("subnet-ipv6-cidr-blocks")
		}
	}
}
