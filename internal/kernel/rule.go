package kernel

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func (m message) decodeRule(use func(hostnet.Change)) {
	// struct fib_rule_hdr has the size of struct rtmsg.
	if len(m.body) < unix.SizeofRtMsg {
		return
	}
	// All of a rule is its identity: nothing in it changes by itself.
	d := newDigest()
	d.bytes(m.body)
	rule, _ := ruleOf(m.body)
	use(hostnet.Change{
		Object: hostnet.ObjectRule, Gone: m.kind == unix.RTM_DELRULE,
		Digest: d.sum(), Protocol: rule.Protocol, Table: rule.Table, Raw: m.body,
	})
}

// ruleOf decodes the body of a rule's message. It is false where a selector
// makes no sense, which the kernel never sends.
func ruleOf(body []byte) (hostnet.Rule, bool) {
	// struct fib_rule_hdr of uapi/linux/fib_rules.h: family, dst_len, src_len,
	// tos, table, two reserved, action, flags.
	if len(body) < unix.SizeofRtMsg {
		return hostnet.Rule{}, false
	}
	r := hostnet.Rule{
		Family: hostnet.Family(body[0]), Table: uint32(body[4]),
		SuppressPrefixLength: hostnet.NoSuppress,
		// The only flag that a rule without link names may have in a dump
		// changes its sense, FIB_RULE_INVERT.
		Other: body[3] != 0 || native32(body[8:]) != 0,
	}
	var from, to netip.Addr
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.FRA_SRC:
			from, _ = netip.AddrFromSlice(v)
		case unix.FRA_DST:
			to, _ = netip.AddrFromSlice(v)
		default:
			ruleAttribute(&r, kind, v)
		}
	})
	if body[7] != unix.FR_ACT_TO_TBL {
		r.Table, r.Other = 0, true
	}
	var okFrom, okTo bool
	r.From, okFrom = selector(r.Family, from, body[2])
	r.To, okTo = selector(r.Family, to, body[1])
	// The kernel takes bits beyond the prefix and compares them when it looks
	// for the rule to delete, so such a rule is none that a Rule can tell.
	r.Other = r.Other || hasHostBits(r.From) || hasHostBits(r.To)
	return r, okFrom && okTo
}

// ruleAttribute takes in what is neither source nor destination. The kernel
// tells FRA_TABLE, FRA_SUPPRESS_PREFIXLEN and FRA_PROTOCOL of every rule, and
// the others only of a rule that has them (fib_nl_fill_rule in fib_rules.c).
func ruleAttribute(r *hostnet.Rule, kind uint16, v []byte) {
	switch kind {
	case unix.FRA_PRIORITY:
		r.Priority = native32(v)
	case unix.FRA_TABLE:
		r.Table = native32(v)
	case unix.FRA_SUPPRESS_PREFIXLEN:
		r.SuppressPrefixLength = int32(native32(v))
	case unix.FRA_PROTOCOL:
		if len(v) > 0 {
			r.Protocol = v[0]
		}
	case unix.FRA_PAD:
	default:
		r.Other = true
	}
}

// selector is the prefix of bits that a rule matches; not valid for any address.
func selector(family hostnet.Family, a netip.Addr, bits byte) (p netip.Prefix, ok bool) {
	if bits == 0 {
		return netip.Prefix{}, true
	}
	p = netip.PrefixFrom(a, int(bits))
	return p, p.IsValid() && hostnet.FamilyOf(a) == family
}

// hasHostBits spares a prefix that is not valid, for which Masked allocates.
func hasHostBits(p netip.Prefix) bool { return p.IsValid() && p.Masked() != p }
