package digitalocean

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

type nic struct {
	MAC    cloud.Text `json:"mac"`
	IPv4   address    `json:"ipv4"`
	IPv6   address    `json:"ipv6"`
	Anchor address    `json:"anchor_ipv4"`
}

type address struct {
	Address cloud.Text `json:"ip_address"`
	Netmask cloud.Text `json:"netmask"`
	CIDR    cloud.Text `json:"cidr"` // a number, of IPv6 alone
	Gateway cloud.Text `json:"gateway"`
}

// parseNIC returns a NIC without a MAC where that cannot be read. No DHCP serves
// it, and yet it is not Static: the image has set its addresses before anything
// else runs, and lost ones come back at boot alone.
//
// The anchor's gateway is not told. Replies leave by that of the NIC, and only who
// wants to call from a reserved address needs the other.
func parseNIC(raw []byte) hostnet.NIC {
	var doc nic
	var gaps cloud.Gaps
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add(odd)
	}
	n := hostnet.NIC{MAC: gaps.MAC("mac", string(doc.MAC))}
	doc.IPv4.place(&n, &gaps, "ipv4", hostnet.RolePrimary, gaps.Addr4)
	doc.IPv6.place(&n, &gaps, "ipv6", hostnet.RolePrimary, gaps.Addr6)
	doc.Anchor.place(&n, &gaps, "anchor_ipv4", hostnet.RoleAnchor, gaps.Addr4)
	n.Gateway4 = gaps.Gateway("ipv4.gateway", string(doc.IPv4.Gateway), netip.Addr.Is4)
	n.Gateway6 = gaps.Gateway("ipv6.gateway", string(doc.IPv6.Gateway), netip.Addr.Is6)
	if len(n.Addresses) == 0 && len(gaps) == 0 {
		gaps.Add("ipv4")
	}
	n.Missing = gaps
	return n
}

// place adds an address and its subnet to the NIC.
func (a address) place(n *hostnet.NIC, gaps *cloud.Gaps, key string, role hostnet.Role, read func(key, text string) netip.Addr) {
	if a.none() {
		return
	}
	addr := read(key+".ip_address", string(a.Address))
	listed := slices.ContainsFunc(n.Addresses, func(other hostnet.CloudAddress) bool { return other.Addr == addr })
	if !addr.IsValid() || listed {
		gaps.Add(key + ".ip_address")
		return
	}
	subnet := gaps.Subnet(key+".netmask", addr, string(cmp.Or(a.Netmask, a.CIDR)))
	found := hostnet.CloudAddress{Addr: addr, Role: role}
	if subnet.IsValid() {
		found.Bits = subnet.Bits()
		if !slices.Contains(n.Subnets, subnet.Masked()) {
			n.Subnets = append(n.Subnets, subnet.Masked())
		}
	}
	n.Addresses = append(n.Addresses, found)
}

// none reports whether nothing is set: a family that the droplet does not have is
// absent, or there with empty texts and zeros.
func (a address) none() bool {
	return strings.Trim(string(a.Address+a.Netmask+a.CIDR+a.Gateway), "0.:") == ""
}
