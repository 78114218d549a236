package hetzner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// network is network-config, version 1 of cloud-init's.
type network struct {
	Version cloud.Text        `json:"version"`
	Config  []json.RawMessage `json:"config"`
}

type device struct {
	Type    cloud.Text        `json:"type"`
	MAC     cloud.Text        `json:"mac_address"`
	Subnets []json.RawMessage `json:"subnets"`
}

type subnet struct {
	Type    cloud.Text `json:"type"`
	IPv6    cloud.Text `json:"ipv6"`
	Address cloud.Text `json:"address"`
	Netmask cloud.Text `json:"netmask"`
	Gateway cloud.Text `json:"gateway"`
}

// publicNICs returns those of network-config, in practice at most one. The first
// is the primary one.
func (s server) publicNICs(gaps *cloud.Gaps) []hostnet.NIC {
	var doc network
	if len(s.Network) > 0 {
		odd, err := cloud.Decode(s.Network, &doc)
		if odd != "" || err != nil || cmp.Or(doc.Version, "1") != "1" {
			gaps.Add("network-config")
		}
	}
	var nics []hostnet.NIC
	seen := 0
	for i, raw := range doc.Config {
		n, known := parsePublic(raw, s.PublicIPv4)
		if !known {
			continue
		}
		n.Primary = seen == 0
		seen++
		if n.MAC == "" {
			gaps.Add(fmt.Sprintf("network-config.config[%d].mac_address", i))
			continue
		}
		nics = append(nics, n)
	}
	if len(nics) == 0 && s.PublicIPv4 != "" {
		gaps.Add("network-config")
	}
	return nics
}

// parsePublic returns a NIC without a MAC where that cannot be read, and false for
// an entry that is of no NIC, such as a list of name servers. The addresses that
// are not DHCP's are set by the image, and so the NIC is not Static.
func parsePublic(raw []byte, publicIPv4 cloud.Text) (hostnet.NIC, bool) {
	var doc device
	var gaps cloud.Gaps
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add(odd)
	}
	if cmp.Or(doc.Type, "physical") != "physical" {
		return hostnet.NIC{}, false
	}
	n := hostnet.NIC{MAC: gaps.MAC("mac_address", string(doc.MAC))}
	var addrs []netip.Addr
	for _, raw := range doc.Subnets {
		addr := parseSubnet(raw, &n, &gaps, publicIPv4)
		if addr.IsValid() && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	n.Addresses = cloud.Addresses(addrs, n.Subnets)
	if len(addrs) == 0 {
		gaps.Add("subnets")
	}
	n.Missing = gaps
	return n, true
}

// parseSubnet returns the address of an entry; of one by DHCP, it is told
// elsewhere for IPv4, and not at all for IPv6.
func parseSubnet(raw []byte, n *hostnet.NIC, gaps *cloud.Gaps, publicIPv4 cloud.Text) netip.Addr {
	var doc subnet
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add("subnets")
	}
	switch doc.Type {
	case "static", "static6":
		return doc.static(n, gaps)
	case "dhcp", "dhcp4":
		if strings.EqualFold(string(doc.IPv6), "true") {
			return netip.Addr{}
		}
		addr := gaps.Addr4("public-ipv4", string(publicIPv4))
		if !addr.IsValid() {
			gaps.Add("public-ipv4")
		}
		return addr
	case "dhcp6":
		return netip.Addr{}
	}
	gaps.Add("subnets.type")
	return netip.Addr{}
}

// static notes the subnet and the gateway of an address, and returns it.
func (s subnet) static(n *hostnet.NIC, gaps *cloud.Gaps) netip.Addr {
	host, length, _ := strings.Cut(string(s.Address), "/")
	addr, err := cloud.ParseAddr(host)
	if err != nil {
		gaps.Add("subnets.address")
		return netip.Addr{}
	}
	prefix := gaps.Subnet("subnets.address", addr, cmp.Or(length, string(s.Netmask)))
	if prefix.IsValid() && !slices.Contains(n.Subnets, prefix.Masked()) {
		n.Subnets = append(n.Subnets, prefix.Masked())
	}
	if addr.Is4() {
		n.Gateway4 = cmp.Or(n.Gateway4, gaps.Gateway("subnets.gateway", string(s.Gateway), netip.Addr.Is4))
	} else {
		n.Gateway6 = cmp.Or(n.Gateway6, gaps.Gateway("subnets.gateway", string(s.Gateway), netip.Addr.Is6))
	}
	return addr
}
