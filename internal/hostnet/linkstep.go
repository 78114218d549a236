package hostnet

import (
	"fmt"
	"net/netip"
	"strings"
)

// LinkStep is one change of a link: an address that comes or goes, or, without
// Addr, the link itself.
type LinkStep struct {
	Op    Op
	Index int
	// Addr is added (OpAdd) or deleted (OpDelete); a Prefix that is not valid
	// means that the step is about the link.
	Addr Addr
	// Up sets the link up.
	Up bool
	// MTUBytes is the link's new MTU; 0 leaves it.
	MTUBytes int
}

// IsAddr reports whether the step is about an address.
func (s LinkStep) IsAddr() bool { return s.Addr.Prefix.IsValid() }

// Command returns the step as a command line of ip(8); name returns the name of a
// link by its ifindex. It lacks the mark that netbrk gives its addresses, which
// ip(8) of Debian 12 does not know yet.
func (s LinkStep) Command(name func(index int) string) string {
	var b strings.Builder
	link := ShellWord(name(s.Index))
	if !s.IsAddr() {
		b.WriteString("ip link set dev " + link)
		if s.MTUBytes != 0 {
			fmt.Fprintf(&b, " mtu %d", s.MTUBytes)
		}
		if s.Up {
			b.WriteString(" up")
		}
		return b.String()
	}
	fmt.Fprintf(&b, "ip %s address %s %s dev %s", FamilyOf(s.Addr.Prefix.Addr()).flag(), s.Op, s.Addr.Prefix, link)
	if s.Op != OpDelete {
		if s.Addr.Flags&AddrNoPrefixRoute != 0 {
			b.WriteString(" noprefixroute")
		}
		if s.Addr.Flags&AddrNoDAD != 0 {
			b.WriteString(" nodad")
		}
	}
	return b.String()
}

// HostPrefix returns the prefix that holds one address alone.
func HostPrefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
