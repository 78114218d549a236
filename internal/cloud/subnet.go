package cloud

import (
	"net/netip"
)

// Subnet is the subnet of an address, by a netmask or the length of a prefix, not
// masked. It is not valid, and a gap, where there is an address and no such
// length.
func (g *Gaps) Subnet(key string, addr netip.Addr, mask string) netip.Prefix {
	if !addr.IsValid() {
		return netip.Prefix{}
	}
	length, err := ParseBits(mask)
	if err != nil || length > addr.BitLen() {
		g.Add(key)
		return netip.Prefix{}
	}
	return netip.PrefixFrom(addr, length)
}

// Gateway is the address of a router, of the family that is told; not valid for
// none, which is also written as the unspecified address.
func (g *Gaps) Gateway(key, text string, family func(netip.Addr) bool) netip.Addr {
	if addr, err := netip.ParseAddr(blank(text)); err == nil && addr.IsUnspecified() {
		return netip.Addr{}
	}
	return g.addr(key, text, family)
}
