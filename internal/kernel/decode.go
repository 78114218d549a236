package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// ifaProto is IFA_PROTO of uapi/linux/if_addr.h (Linux 5.18), which x/sys lacks.
const ifaProto = 11

func (m message) decodeLink(use func(hostnet.Change)) {
	// struct ifinfomsg: family, pad, type, index, flags, change. A bridge
	// tells of its ports in messages of family AF_BRIDGE, whose RTM_DELLINK
	// is the end of a membership, not of a link (rtnetlink(7)).
	if len(m.body) < unix.SizeofIfInfomsg || m.body[0] != unix.AF_UNSPEC {
		return
	}
	l := hostnet.Link{
		Type:  binary.NativeEndian.Uint16(m.body[2:]),
		Index: int(int32(native32(m.body[4:]))),
		Flags: native32(m.body[8:]),
	}
	wireless := false
	eachAttribute(m.body, unix.SizeofIfInfomsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_WIRELESS:
			wireless = true
		case unix.IFLA_IFNAME:
			l.Name = text(v)
		case unix.IFLA_OPERSTATE:
			if len(v) > 0 {
				l.OperState = v[0]
			}
		case unix.IFLA_MASTER:
			l.MasterIndex = int(native32(v))
		case unix.IFLA_CARRIER_CHANGES:
			l.CarrierChanges = native32(v)
		}
	})
	// Wireless extensions send their events as RTM_NEWLINK with nothing else
	// in it, neither operational state nor master (net/wireless/wext-core.c).
	// No name is longer than its field in struct net_device, IFNAMSIZ with a NUL.
	if l.Index <= 0 || l.Name == "" || len(l.Name) >= unix.IFNAMSIZ || wireless {
		return
	}
	use(hostnet.Change{
		Object: hostnet.ObjectLink, Gone: m.kind == unix.RTM_DELLINK,
		Index: l.Index, Link: l, Raw: m.body,
	})
}

func (m message) decodeAddr(use func(hostnet.Change)) {
	// struct ifaddrmsg: family, prefixlen, flags, scope, index.
	if len(m.body) < unix.SizeofIfAddrmsg {
		return
	}
	a := hostnet.Addr{Flags: uint32(m.body[2]), Scope: m.body[3]}
	var local, address netip.Addr
	eachAttribute(m.body, unix.SizeofIfAddrmsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(v)
		case unix.IFA_FLAGS: // all 32, where the header has but 8
			a.Flags = native32(v)
		case ifaProto:
			if len(v) > 0 {
				a.Protocol = v[0]
			}
		}
	})
	// IFA_ADDRESS is the prefix address, which is the other end's on a
	// point-to-point link; IFA_LOCAL is ours there (uapi/linux/if_addr.h).
	if !local.IsValid() {
		local = address
	} else if address.IsValid() && address != local {
		a.Peer = address
	}
	a.Prefix = netip.PrefixFrom(local, int(m.body[1]))
	if !a.Prefix.IsValid() {
		return
	}
	use(hostnet.Change{
		Object: hostnet.ObjectAddr, Gone: m.kind == unix.RTM_DELADDR,
		Index: int(native32(m.body[4:])), Addr: a, Digest: addrDigest(a), Raw: m.body,
	})
}

// addrDigest leaves the protocol out: that somebody else keeps an address now
// makes it no other.
func addrDigest(a hostnet.Addr) uint64 {
	d := newDigest()
	b := a.Prefix.Addr().As16()
	d.bytes(b[:])
	d.byte(byte(a.Prefix.Bits()))
	d.byte(a.Scope)
	if a.Peer.IsValid() {
		p := a.Peer.As16()
		d.bytes(p[:])
	}
	return d.sum()
}

// digest is FNV-1a of 64 bits: the same in every process, and nothing to
// allocate. It tells sets apart; it guards nothing.
type digest uint64

func newDigest() *digest {
	d := digest(14695981039346656037)
	return &d
}

func (d *digest) byte(b byte) { *d = (*d ^ digest(b)) * 1099511628211 }

func (d *digest) bytes(b []byte) {
	for _, c := range b {
		d.byte(c)
	}
}

func (d *digest) sum() uint64 {
	// Sums of digests stand for sets, and FNV alone leaves patterns in the
	// high bits of short inputs: mix as splitmix64 ends.
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
