package imdstest

import (
	"net"
	"net/netip"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// subnetOf is the subnet of an address, as far as it is told.
func subnetOf(nic hostnet.NIC, a hostnet.CloudAddress) netip.Prefix {
	if a.Bits > 0 {
		return netip.PrefixFrom(a.Addr, a.Bits).Masked()
	}
	for _, p := range nic.Subnets {
		if p.Contains(a.Addr) {
			return p
		}
	}
	return netip.PrefixFrom(a.Addr, a.Addr.BitLen())
}

// netmask is that of a prefix, in the form of an address.
func netmask(p netip.Prefix) string {
	return net.IP(net.CIDRMask(p.Bits(), p.Addr().BitLen())).String()
}
