package hostnet

import (
	"net/netip"
	"strings"
)

// maxLinkName is IFNAMSIZ of uapi/linux/if.h less the terminating NUL.
const maxLinkName = 15

// ValidLinkName reports whether the kernel accepts name for a link: 1 to 15
// bytes, neither "." nor "..", without "/", ":" and white space (dev_valid_name
// in net/core/dev.c). What PrintableText refuses and the kernel lets pass, such as
// a terminal's control characters, is refused too: a name is printed and put in an
// environment. So is U+FFFD, which stands for what was no UTF-8.
func ValidLinkName(name string) bool {
	switch {
	case name == "" || name == "." || name == "..":
		return false
	case strings.ContainsAny(name, "/: \uFFFD"):
		return false
	}
	return PrintableText(name, maxLinkName)
}

// Link is a network link as the kernel tells of it.
type Link struct {
	Index int
	Name  string
	// Flags are the IFF_* flags of netdevice(7).
	Flags uint32
	// OperState is the RFC 2863 operational state, IF_OPER_* of uapi/linux/if.h.
	OperState uint8
	// MasterIndex is the ifindex of the bridge, bond or VRF above, 0 for none.
	MasterIndex int
	// Type is the ARPHRD_* type of uapi/linux/if_arp.h.
	Type uint16
	// CarrierChanges counts how often the carrier came or went
	// (IFLA_CARRIER_CHANGES, Linux 3.15).
	CarrierChanges uint32
}

// IFF_* of netdevice(7) and IF_OPER_* of uapi/linux/if.h, as far as used here.
const (
	FlagUp           = 1 << 0
	FlagBroadcast    = 1 << 1
	FlagLoopback     = 1 << 3
	FlagPointToPoint = 1 << 4
	FlagRunning      = 1 << 6
	FlagSlave        = 1 << 11
	FlagMulticast    = 1 << 12
	FlagLowerUp      = 1 << 16
	FlagDormant      = 1 << 17

	OperUnknown = 0
	OperDormant = 5
	OperUp      = 6
)

// HasCarrier reports whether the link can pass traffic. Drivers that keep no
// operational state leave it unknown, and then the flags tell: RFC 2863 and
// Documentation/networking/operstates.rst of the kernel.
func (l Link) HasCarrier() bool {
	switch l.OperState {
	case OperUp:
		return true
	case OperUnknown:
		const lower = FlagLowerUp | FlagRunning
		return l.Flags&lower == lower && l.Flags&FlagDormant == 0
	}
	return false
}

// Addr is an address on a link.
type Addr struct {
	// Prefix is the address with the length of its prefix, not masked.
	Prefix netip.Prefix
	// Peer is the other end of a point-to-point address; invalid for none.
	Peer netip.Addr
	// Scope is RT_SCOPE_* of rtnetlink(7): 0 global, 253 link, 254 host.
	Scope uint8
	// Flags are the IFA_F_* flags of uapi/linux/if_addr.h.
	Flags uint32
	// Protocol says who added it (IFA_PROTO, Linux 5.18); 0 where nobody said.
	Protocol uint8
}

// RT_SCOPE_* and IFA_F_* as far as used here.
const (
	ScopeGlobal = 0
	ScopeSite   = 200
	ScopeLink   = 253
	ScopeHost   = 254

	AddrTentative     = 0x40
	AddrDADFailed     = 0x08
	AddrDeprecated    = 0x20
	AddrSecondary     = 0x01
	AddrNoDAD         = 0x02
	AddrNoPrefixRoute = 0x200
)

// Usable reports whether the kernel accepts traffic for a: IPv6 duplicate
// address detection (RFC 4862 section 5.4) is neither running nor failed.
func (a Addr) Usable() bool { return a.Flags&(AddrTentative|AddrDADFailed) == 0 }
