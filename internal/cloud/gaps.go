package cloud

import (
	"net/netip"
	"slices"
	"strconv"
)

// Gaps reads the values of a NIC, and notes the key of each that is not what it
// should be, so that half a NIC is not taken for a whole one. An empty value is
// absent, which is no gap.
type Gaps []string

const (
	// maxGaps bounds the keys that are noted, and shown. One is as good as many.
	maxGaps = 64
	// maxListed bounds a list of a NIC's addresses or prefixes. EC2 and Azure give a
	// NIC some hundreds at most; what a longer list makes is no network.
	maxListed = 4096
)

// Add notes a key, once.
func (g *Gaps) Add(key string) {
	if len(*g) < maxGaps && !slices.Contains(*g, key) {
		*g = append(*g, key)
	}
}

// MAC is as ParseMAC has it; an empty one is a gap, too.
func (g *Gaps) MAC(key, text string) string {
	mac, err := ParseMAC(text)
	if err != nil {
		g.Add(key)
	}
	return mac
}

// Addr4 is an IPv4 address, not valid for none.
func (g *Gaps) Addr4(key, text string) netip.Addr { return g.addr(key, text, netip.Addr.Is4) }

// Addr6 is an IPv6 address, not valid for none.
func (g *Gaps) Addr6(key, text string) netip.Addr { return g.addr(key, text, netip.Addr.Is6) }

// Addrs4 are IPv4 addresses, each once.
func (g *Gaps) Addrs4(key string, texts []string) []netip.Addr {
	return each(g, key, texts, func(text string) netip.Addr { return g.Addr4(key, text) })
}

// Addrs6 are IPv6 addresses, each once.
func (g *Gaps) Addrs6(key string, texts []string) []netip.Addr {
	return each(g, key, texts, func(text string) netip.Addr { return g.Addr6(key, text) })
}

// Prefixes are prefixes of either family, masked, each once.
func (g *Gaps) Prefixes(key string, texts []string) []netip.Prefix {
	return each(g, key, texts, func(text string) netip.Prefix { return g.prefix(key, text, netip.Addr.IsValid) })
}

// Prefixes4 are IPv4 prefixes, masked, each once.
func (g *Gaps) Prefixes4(key string, texts []string) []netip.Prefix {
	return each(g, key, texts, func(text string) netip.Prefix { return g.prefix(key, text, netip.Addr.Is4) })
}

// Prefixes6 are IPv6 prefixes, masked, each once.
func (g *Gaps) Prefixes6(key string, texts []string) []netip.Prefix {
	return each(g, key, texts, func(text string) netip.Prefix { return g.prefix(key, text, netip.Addr.Is6) })
}

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

// MTU is in bytes, 0 for none. RFC 791 asks for 68 at least; the kernel's own
// bound is that of the driver.
func (g *Gaps) MTU(key, text string) int {
	if text = blank(text); text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n != 0 && n < 68 || n > 65535 {
		g.Add(key)
		return 0
	}
	return n
}

func (g *Gaps) addr(key, text string, family func(netip.Addr) bool) netip.Addr {
	if text = blank(text); text == "" {
		return netip.Addr{}
	}
	addr, err := ParseAddr(text)
	if err != nil || !family(addr) {
		g.Add(key)
		return netip.Addr{}
	}
	return addr
}

func (g *Gaps) prefix(key, text string, family func(netip.Addr) bool) netip.Prefix {
	if text = blank(text); text == "" {
		return netip.Prefix{}
	}
	prefix, err := ParsePrefix(text)
	if err != nil || !family(prefix.Addr()) {
		g.Add(key)
		return netip.Prefix{}
	}
	return prefix
}

// each reads the texts, and keeps what is valid, once. Too many of them are a gap.
func each[T interface {
	comparable
	IsValid() bool
}](g *Gaps, key string, texts []string, read func(string) T) []T {
	if len(texts) > maxListed {
		g.Add(key)
		texts = texts[:maxListed]
	}
	var values []T
	for _, text := range texts {
		if v := read(text); v.IsValid() && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}
