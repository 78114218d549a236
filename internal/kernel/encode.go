package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// encoder appends netlink messages to a buffer, to be sent as one.
type encoder struct {
	buf  []byte
	last int // where the last message starts
}

func (e *encoder) reset() { e.buf, e.last = e.buf[:0], 0 }

// begin starts a message: its netlink header, and the fixed one of its kind,
// whose size is a multiple of NLMSG_ALIGNTO for all of them.
func (e *encoder) begin(kind, flags uint16, seq uint32, header []byte) {
	e.last = len(e.buf)
	e.buf = binary.NativeEndian.AppendUint32(e.buf, 0) // see end
	e.buf = binary.NativeEndian.AppendUint16(e.buf, kind)
	e.buf = binary.NativeEndian.AppendUint16(e.buf, unix.NLM_F_REQUEST|flags)
	e.buf = binary.NativeEndian.AppendUint32(e.buf, seq)
	e.buf = binary.NativeEndian.AppendUint32(e.buf, 0) // the kernel fills in the port
	e.buf = append(e.buf, header...)
}

// end completes the last message. Every attribute is padded, so the message is.
func (e *encoder) end() {
	binary.NativeEndian.PutUint32(e.buf[e.last:], uint32(len(e.buf)-e.last))
}

// acknowledge asks for an answer to the last message even if it succeeds.
func (e *encoder) acknowledge() {
	flags := e.buf[e.last+6:]
	binary.NativeEndian.PutUint16(flags, native16(flags)|unix.NLM_F_ACK)
}

func (e *encoder) attribute(kind uint16, value ...byte) {
	e.buf = binary.NativeEndian.AppendUint16(e.buf, uint16(unix.SizeofNlAttr+len(value)))
	e.buf = binary.NativeEndian.AppendUint16(e.buf, kind)
	e.buf = append(e.buf, value...)
	for len(e.buf)%4 != 0 { // NLA_ALIGNTO
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) number(kind uint16, n uint32) {
	var v [4]byte
	binary.NativeEndian.PutUint32(v[:], n)
	e.attribute(kind, v[:]...)
}

func (e *encoder) address(kind uint16, a netip.Addr) {
	if a.Is4() {
		v := a.As4()
		e.attribute(kind, v[:]...)
		return
	}
	v := a.As16()
	e.attribute(kind, v[:]...)
}

// step appends the message of a step that refusal lets pass.
func (e *encoder) step(s hostnet.Step, seq uint32) {
	if s.IsRule {
		e.rule(s.Op, s.Rule, seq)
	} else {
		e.route(s.Op, s.Route, seq)
	}
	e.end()
}

// rule appends all but the end of a rule's message. A deletion has every
// attribute, since what it lacks matches any rule (rule_find in fib_rules.c): the
// protocol keeps it off the rules of others, and the priority, which is sent when
// it is 0 too, off another rule of ours.
func (e *encoder) rule(op hostnet.Op, r hostnet.Rule, seq uint32) {
	kind, flags := uint16(unix.RTM_DELRULE), uint16(0)
	if op == hostnet.OpAdd {
		// Without NLM_F_EXCL, for which the kernel would look through all its
		// rules once more (rule_exists in fib_rules.c). The caller has just
		// read them, under its own lock; should a rule be there all the same,
		// it is there twice, and the next reading tells so.
		kind, flags = unix.RTM_NEWRULE, unix.NLM_F_CREATE
	}
	// struct fib_rule_hdr: family, dst_len, src_len, tos, table, two reserved,
	// action, flags. It has the size of struct rtmsg.
	e.begin(kind, flags, seq, []byte{
		0: byte(r.Family), 1: bits(r.To), 2: bits(r.From), 7: unix.FR_ACT_TO_TBL, unix.SizeofRtMsg - 1: 0,
	})
	if bits(r.From) != 0 {
		e.address(unix.FRA_SRC, r.From.Addr())
	}
	if bits(r.To) != 0 {
		e.address(unix.FRA_DST, r.To.Addr())
	}
	e.number(unix.FRA_PRIORITY, r.Priority)
	e.number(unix.FRA_TABLE, r.Table)
	if r.SuppressPrefixLength != hostnet.NoSuppress {
		e.number(unix.FRA_SUPPRESS_PREFIXLEN, uint32(r.SuppressPrefixLength))
	}
	e.attribute(unix.FRA_PROTOCOL, r.Protocol)
}

// bits is the length of a selector; 0, which matches anything, for none.
func bits(p netip.Prefix) byte { return byte(max(p.Bits(), 0)) }

// route appends all but the end of a route's message.
func (e *encoder) route(op hostnet.Op, r hostnet.Route, seq uint32) {
	kind, flags := uint16(unix.RTM_DELROUTE), uint16(0)
	switch op {
	case hostnet.OpAdd:
		kind, flags = unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	case hostnet.OpReplace:
		// Without NLM_F_CREATE: what is to be replaced and is gone was read
		// too long ago, and so was all else.
		kind, flags = unix.RTM_NEWROUTE, unix.NLM_F_REPLACE
	}
	var header [unix.SizeofRtMsg]byte
	header[0], header[1] = byte(r.Family()), bits(r.Destination)
	header[5], header[7] = r.Protocol, r.Type
	if r.Family() == hostnet.IPv4 {
		header[6] = r.Scope
	}
	if r.OnLink {
		binary.NativeEndian.PutUint32(header[8:], unix.RTNH_F_ONLINK)
	}
	e.begin(kind, flags, seq, header[:])
	e.number(unix.RTA_TABLE, r.Table)
	if bits(r.Destination) != 0 {
		e.address(unix.RTA_DST, r.Destination.Addr())
	}
	if r.Gateway.IsValid() {
		e.gateway(r.Family(), r.Gateway)
	}
	e.routeOptions(r)
}

// gateway of the route's own family, or of the other one.
func (e *encoder) gateway(family hostnet.Family, a netip.Addr) {
	if hostnet.FamilyOf(a) == family {
		e.address(unix.RTA_GATEWAY, a)
		return
	}
	// struct rtvia: family, address.
	v := binary.NativeEndian.AppendUint16(make([]byte, 0, 18), uint16(hostnet.FamilyOf(a)))
	e.attribute(unix.RTA_VIA, append(v, a.AsSlice()...)...)
}

func (e *encoder) routeOptions(r hostnet.Route) {
	if r.Index != 0 {
		e.number(unix.RTA_OIF, uint32(r.Index))
	}
	if r.Source.IsValid() {
		e.address(unix.RTA_PREFSRC, r.Source)
	}
	if r.Metric != 0 {
		e.number(unix.RTA_PRIORITY, r.Metric)
	}
	if r.MTUBytes != 0 {
		var metrics encoder
		metrics.number(unix.RTAX_MTU, r.MTUBytes)
		e.attribute(unix.RTA_METRICS, metrics.buf...)
	}
}
