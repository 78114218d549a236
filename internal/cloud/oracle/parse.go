package oracle

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

type vnic struct {
	ID         cloud.Text  `json:"vnicId"`
	MAC        cloud.Text  `json:"macAddr"`
	PrivateIP  cloud.Text  `json:"privateIp"`
	Router     cloud.Text  `json:"virtualRouterIp"`
	Subnet     cloud.Text  `json:"subnetCidrBlock"`
	IPv6       cloud.Texts `json:"ipv6Addresses"`
	IPv6Router cloud.Text  `json:"ipv6VirtualRouterIp"`
	IPv6Subnet cloud.Text  `json:"ipv6SubnetCidrBlock"`
	// NICIndex is that of the physical NIC on bare metal, and absent elsewhere.
	NICIndex cloud.Text `json:"nicIndex"`
}

// Parse reads the answers to Fetch's keys. The first VNIC is the primary one. Of
// the private IPv4 addresses the service tells the primary ones alone.
func Parse(a cloud.Answers) (hostnet.Metadata, error) {
	var docs []json.RawMessage
	if _, err := cloud.Decode(a.Bodies[nicsKey], &docs); err != nil {
		return hostnet.Metadata{}, fmt.Errorf("reading %q: %w", nicsKey, err)
	}
	var gaps cloud.Gaps
	m := hostnet.Metadata{System: system(a, &gaps)}
	for i, raw := range docs {
		n := parseNIC(raw, i == 0)
		if n.MAC == "" {
			gaps.Add(fmt.Sprintf("vnics[%d].macAddr", i))
			continue
		}
		m.NICs = append(m.NICs, n)
	}
	m.Missing = gaps
	var err error
	m.NICs, err = cloud.Distinct("vnics", m.NICs)
	return m, err
}

// parseNIC returns a NIC without a MAC where that cannot be read. Oracle's DHCP
// serves the primary VNIC alone; those of bare metal are VLANs above a physical
// NIC, which are not ours to build (NetworkManager commit 548e27ef5f).
func parseNIC(raw []byte, primary bool) hostnet.NIC {
	var doc vnic
	var gaps cloud.Gaps
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add(cmp.Or(odd, "vnics"))
	}
	n := hostnet.NIC{
		MAC:     gaps.MAC("macAddr", string(doc.MAC)),
		ID:      cloud.ParseFact(string(doc.ID)),
		Primary: primary,
		Static:  !primary && doc.NICIndex == "",
		Subnets: append(
			gaps.Prefixes4("subnetCidrBlock", []string{string(doc.Subnet)}),
			gaps.Prefixes6("ipv6SubnetCidrBlock", []string{string(doc.IPv6Subnet)})...),
		Gateway4: gaps.Addr4("virtualRouterIp", string(doc.Router)),
		Gateway6: gaps.Addr6("ipv6VirtualRouterIp", string(doc.IPv6Router)),
	}
	addrs := append(
		gaps.Addrs4("privateIp", []string{string(doc.PrivateIP)}),
		gaps.Addrs6("ipv6Addresses", doc.IPv6)...)
	n.Addresses = cloud.Addresses(addrs, n.Subnets)
	checkNIC(n, &gaps)
	n.Missing = gaps
	return n
}

// checkNIC notes what a NIC must have: an IPv6-only one has no IPv4 address, and
// an IPv4 address has a subnet.
func checkNIC(n hostnet.NIC, gaps *cloud.Gaps) {
	if len(n.Addresses) == 0 {
		gaps.Add("privateIp")
		return
	}
	if first := n.Addresses[0]; first.Addr.Is4() && first.Bits == 0 {
		gaps.Add("subnetCidrBlock")
	}
}
