package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// linkStep appends the message of a step that linkRefusal lets pass.
func (e *encoder) linkStep(s hostnet.LinkStep, seq uint32) {
	if s.IsAddr() {
		e.addr(s, seq)
	} else {
		e.link(s, seq)
	}
	e.end()
}

// addr appends all but the end of an address's message. A deletion has
// IFA_ADDRESS too: without it, IPv4 does not look at the length of the prefix
// (inet_rtm_deladdr in devinet.c).
func (e *encoder) addr(s hostnet.LinkStep, seq uint32) {
	a := s.Addr
	kind, flags := uint16(unix.RTM_DELADDR), uint16(0)
	if s.Op == hostnet.OpAdd {
		kind, flags = unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	}
	// struct ifaddrmsg: family, prefixlen, flags, scope, index. IPv6 takes the
	// scope from the address.
	var header [unix.SizeofIfAddrmsg]byte
	header[0], header[1], header[3] = byte(hostnet.FamilyOf(a.Prefix.Addr())), bits(a.Prefix), a.Scope
	binary.NativeEndian.PutUint32(header[4:], uint32(s.Index))
	e.begin(kind, flags, seq, header[:])
	e.address(unix.IFA_LOCAL, a.Prefix.Addr())
	other := a.Prefix.Addr()
	if a.Peer.IsValid() {
		other = a.Peer
	}
	e.address(unix.IFA_ADDRESS, other)
	if s.Op == hostnet.OpAdd {
		e.addrOptions(a)
	}
}

// addrOptions are those of an addition. Without IFA_CACHEINFO the address is
// there for ever.
func (e *encoder) addrOptions(a hostnet.Addr) {
	if b := broadcast(a); b.IsValid() {
		e.address(unix.IFA_BROADCAST, b)
	}
	// The other flags are the kernel's to set, in what was read from it too, and
	// IPv4 has no duplicate address detection to leave out.
	settable := uint32(hostnet.AddrNoPrefixRoute)
	if a.Prefix.Addr().Is6() {
		settable |= hostnet.AddrNoDAD
	}
	e.number(unix.IFA_FLAGS, a.Flags&settable)
	// Kernels before Linux 5.18 pass over an attribute that they do not know:
	// the validation of address messages is the liberal one for all time
	// (nlmsg_parse_deprecated, and NL_VALIDATE_LIBERAL in net/netlink.h).
	e.attribute(ifaProto, hostnet.Protocol)
}

// broadcast is the last address of the subnet, as networkd sets it, too
// (address_set_broadcast in networkd-address.c); not valid where there is none:
// in IPv6, towards a peer, and in /31 (RFC 3021) and /32.
func broadcast(a hostnet.Addr) netip.Addr {
	if !a.Prefix.Addr().Is4() || a.Peer.IsValid() || a.Prefix.Bits() > 30 {
		return netip.Addr{}
	}
	v := a.Prefix.Addr().As4()
	last := binary.BigEndian.Uint32(v[:]) | ^uint32(0)>>a.Prefix.Bits()
	binary.BigEndian.PutUint32(v[:], last)
	return netip.AddrFrom4(v)
}

// link appends all but the end of the message that changes a link. Without
// NLM_F_CREATE it makes none where the link is gone.
func (e *encoder) link(s hostnet.LinkStep, seq uint32) {
	// struct ifinfomsg: family, pad, type, index, flags, change.
	var header [unix.SizeofIfInfomsg]byte
	binary.NativeEndian.PutUint32(header[4:], uint32(s.Index))
	if s.Up {
		binary.NativeEndian.PutUint32(header[8:], unix.IFF_UP)
		binary.NativeEndian.PutUint32(header[12:], unix.IFF_UP)
	}
	e.begin(unix.RTM_NEWLINK, 0, seq, header[:])
	if s.MTUBytes != 0 {
		e.number(unix.IFLA_MTU, uint32(s.MTUBytes))
	}
}
