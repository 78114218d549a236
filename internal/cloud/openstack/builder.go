package openstack

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// subnet is an entry of networks. A link has one for each of its port's fixed
// addresses, in no order that means anything.
type subnet struct {
	Link    cloud.Text `json:"link"`
	Type    cloud.Text `json:"type"`
	Address cloud.Text `json:"ip_address"`
	Netmask cloud.Text `json:"netmask"`
	Gateway cloud.Text `json:"gateway"`
	Routes  []route    `json:"routes"`
}

// builder makes a NIC of a link and its networks.
type builder struct {
	id, kind string
	leftOut  bool
	nic      hostnet.NIC
	gaps     cloud.Gaps

	// given are the addresses that come by DHCP or router advertisements.
	given []netip.Addr
	// hidden are the families of which DHCP hands out an address that is not told.
	hidden4, hidden6 bool
	// dhcp says that a server hands out an address, told or not.
	dhcp bool
}

// stacked reports whether the link is made of others.
func (b *builder) stacked() bool { return b.kind == "bond" || b.kind == "vlan" }

// method is how the host comes by an address.
type method int

const (
	unknown method = iota
	static
	dhcp
	advertised
)

// method reads the type: Nova's own names, and those of cloud-init, whose reader
// other clouds write for.
func (s subnet) method() (m method, six bool) {
	switch s.Type {
	case "ipv4", "static", "static4":
		return static, false
	case "ipv6", "static6":
		return static, true
	case "ipv4_dhcp", "dhcp", "dhcp4":
		return dhcp, false
	case "ipv6_dhcp", "dhcp6", "ipv6_dhcpv6-stateful":
		return dhcp, true
	case "ipv6_slaac", "ipv6_dhcpv6-stateless":
		return advertised, true
	}
	return unknown, false
}

// add adds what a network says to the NIC.
func (b *builder) add(s subnet) {
	how, six := s.method()
	if how == unknown {
		b.gaps.Add("networks.type")
		return
	}
	b.dhcp = b.dhcp || how == dhcp
	switch {
	case s.Address != "":
		b.addAddress(s, how, six)
	case how == static:
		b.gaps.Add("networks.ip_address")
	case six:
		b.hidden6 = true
	default:
		b.hidden4 = true
	}
	b.addGateway("networks.gateway", string(s.Gateway), six)
	for _, r := range s.Routes {
		b.addRoute(r, six)
	}
}

func (b *builder) addAddress(s subnet, how method, six bool) {
	host, length, _ := strings.Cut(string(s.Address), "/")
	addr, err := cloud.ParseAddr(host)
	if err != nil || addr.Is6() != six {
		b.gaps.Add("networks.ip_address")
		return
	}
	if how != static {
		b.given = append(b.given, addr)
	}
	if slices.ContainsFunc(b.nic.Addresses, func(a hostnet.CloudAddress) bool { return a.Addr == addr }) {
		return
	}
	found := hostnet.CloudAddress{Addr: addr}
	if prefix := b.gaps.Subnet("networks.netmask", addr, cmp.Or(length, string(s.Netmask))); prefix.IsValid() {
		found.Bits = prefix.Bits()
		b.addSubnet(prefix.Masked())
	}
	b.nic.Addresses = append(b.nic.Addresses, found)
}

func (b *builder) addSubnet(p netip.Prefix) {
	if !slices.Contains(b.nic.Subnets, p) {
		b.nic.Subnets = append(b.nic.Subnets, p)
	}
}

// finish gives the addresses their roles. The primary one of a family is that
// which comes by DHCP or advertisements, even where it is not told; else the
// first. A static one beside it is of a subnet without DHCP, and nobody else's.
//
// The NIC is Static where such a first one has no DHCP beside it. A NIC that has
// all from DHCP has no address here, and yet lacks nothing.
func (b *builder) finish() hostnet.NIC {
	b.setRoles(false, b.hidden4)
	b.setRoles(true, b.hidden6)
	ours := func(a hostnet.CloudAddress) bool {
		return a.Role == hostnet.RolePrimary && !slices.Contains(b.given, a.Addr)
	}
	b.nic.Static = !b.dhcp && slices.ContainsFunc(b.nic.Addresses, ours)
	b.nic.Missing = b.gaps
	return b.nic
}

func (b *builder) setRoles(six, hidden bool) {
	primary := -1
	for i, a := range b.nic.Addresses {
		if a.Addr.Is6() != six {
			continue
		}
		b.nic.Addresses[i].Role = hostnet.RoleSecondary
		given := slices.Contains(b.given, a.Addr)
		if primary < 0 || given && !slices.Contains(b.given, b.nic.Addresses[primary].Addr) {
			primary = i
		}
	}
	if primary >= 0 && !hidden {
		b.nic.Addresses[primary].Role = hostnet.RolePrimary
	}
}
