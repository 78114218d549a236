package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// actionWord is ip-rule(8)'s for one of FR_ACT_* of uapi/linux/fib_rules.h.
func actionWord(action byte) string {
	switch action {
	case unix.FR_ACT_TO_TBL:
		return "lookup"
	case unix.FR_ACT_GOTO:
		return "goto"
	case unix.FR_ACT_NOP:
		return "nop"
	case unix.FR_ACT_BLACKHOLE:
		return "blackhole"
	case unix.FR_ACT_UNREACHABLE:
		return "unreachable"
	case unix.FR_ACT_PROHIBIT:
		return "prohibit"
	}
	return "action " + strconv.Itoa(int(action))
}

// FIBRules returns the routing policy rules of a family, in the kernel's order.
func (c *Conn) FIBRules(ctx context.Context, family hostnet.Family) ([]hostnet.FIBRule, error) {
	var rules []hostnet.FIBRule
	err := wholeDump(ctx, func() error {
		rules = rules[:0]
		req := c.request(unix.RTM_GETRULE, unix.NLM_F_DUMP)
		req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
		answer, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWRULE)
		for _, body := range answer {
			rule, parseErr := fibRule(body)
			if parseErr != nil {
				return parseErr
			}
			rules = append(rules, rule)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	return rules, nil
}

// fibRule reads one rule, with all that ruleOf leaves out.
func fibRule(body []byte) (hostnet.FIBRule, error) {
	if len(body) < unix.SizeofRtMsg { // struct fib_rule_hdr, see ruleOf
		return hostnet.FIBRule{}, errCut
	}
	r := hostnet.FIBRule{
		Family: hostnet.Family(body[0]), Table: uint32(body[4]), TOS: body[3], Action: actionWord(body[7]),
		Not: native32(body[8:])&unix.FIB_RULE_INVERT != 0, SuppressPrefixLength: hostnet.NoSuppress,
	}
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.FRA_SRC:
			r.From = prefixOf(v, body[2])
		case unix.FRA_DST:
			r.To = prefixOf(v, body[1])
		case unix.FRA_IIFNAME:
			r.InLink = text(v)
		case unix.FRA_OIFNAME:
			r.OutLink = text(v)
		case unix.FRA_PRIORITY:
			r.Priority = native32(v)
		case unix.FRA_FWMARK:
			r.Mark = native32(v)
		case unix.FRA_FWMASK:
			r.Mask = native32(v)
		case unix.FRA_TABLE:
			r.Table = native32(v)
		case unix.FRA_GOTO:
			r.Goto = native32(v)
		case unix.FRA_SUPPRESS_PREFIXLEN:
			r.SuppressPrefixLength = int32(native32(v))
		default:
			if word := selectorWord(kind, v); word != "" {
				r.Others = append(r.Others, word)
			}
		}
	})
	return r, nil
}

// FRA_* of uapi/linux/fib_rules.h that x/sys lacks, of Linux 6.12 to 6.15.
const (
	fraDSCP          = 25
	fraFlowLabel     = 26
	fraFlowLabelMask = 27
	fraSportMask     = 28
	fraDportMask     = 29
	fraDSCPMask      = 30
)

// selectorWord names a selector that is told by its name alone; empty for what
// selects nothing.
func selectorWord(kind uint16, value []byte) string {
	switch kind {
	case unix.FRA_PROTOCOL, unix.FRA_PAD, unix.FRA_FLOW: // realms decide nothing here
	case fraFlowLabelMask, fraSportMask, fraDportMask, fraDSCPMask: // of selectors that are named
	case unix.FRA_L3MDEV:
		if len(value) > 0 && value[0] != 0 {
			return "l3mdev"
		}
	case unix.FRA_SUPPRESS_IFGROUP:
		if int32(native32(value)) != -1 {
			return "suppress_ifgroup"
		}
	case unix.FRA_TUN_ID:
		return "tun_id"
	case unix.FRA_UID_RANGE:
		return "uidrange"
	case unix.FRA_IP_PROTO:
		return "ipproto"
	case unix.FRA_SPORT_RANGE:
		return "sport"
	case unix.FRA_DPORT_RANGE:
		return "dport"
	case fraDSCP:
		return "dscp"
	case fraFlowLabel:
		return "flowlabel"
	default:
		return fmt.Sprintf("selector %d", kind)
	}
	return ""
}

func prefixOf(raw []byte, bits uint8) netip.Prefix {
	addr, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(addr, int(bits))
}

// FIBRoutes returns the routes of a table; names tells the links' names.
func (c *Conn) FIBRoutes(ctx context.Context, family hostnet.Family, table uint32, names map[int]string) ([]hostnet.FIBRoute, error) {
	var routes []hostnet.FIBRoute
	err := wholeDump(ctx, func() error {
		list, err := c.handle.RouteListFiltered(int(family), &netlink.Route{Table: int(table)}, netlink.RT_FILTER_TABLE)
		routes = routes[:0]
		for _, r := range list {
			routes = append(routes, fibRoute(family, r, names))
		}
		return err
	})
	if err != nil && !errors.Is(err, unix.ENOENT) { // a table that nobody made
		return nil, fmt.Errorf("reading routes of table %d: %w", table, err)
	}
	return routes, nil
}

func fibRoute(family hostnet.Family, r netlink.Route, names map[int]string) hostnet.FIBRoute {
	f := hostnet.FIBRoute{
		Table: uint32(r.Table), Type: typeWord(r.Type), Destination: netip.PrefixFrom(unspecified(family), 0), Link: names[r.LinkIndex],
		Gateway: gatewayOf(r.Gw, r.Via), Metric: r.Priority, Dead: r.Flags&unix.RTNH_F_DEAD != 0,
	}
	if r.Dst != nil {
		bits, _ := r.Dst.Mask.Size()
		f.Destination = netip.PrefixFrom(addrOf(r.Dst.IP), bits)
	}
	if len(r.MultiPath) > 0 {
		f.Hops, f.Dead = len(r.MultiPath), true
		for _, hop := range r.MultiPath {
			if hop.Flags&unix.RTNH_F_DEAD == 0 && f.Dead {
				f.Dead, f.Link, f.Gateway = false, names[hop.LinkIndex], gatewayOf(hop.Gw, hop.Via)
			}
		}
	}
	return f
}

// ErrNoRoute is what the kernel says where no route leads, with its errno.
type ErrNoRoute struct{ Errno error }

func (e ErrNoRoute) Error() string { return e.Errno.Error() }

// RouteOf asks the kernel for the route that traffic from one address to another
// takes. The error is an ErrNoRoute where it takes none; EINVAL is that of a
// blackhole (fib_props in net/ipv4/fib_semantics.c).
func (c *Conn) RouteOf(from, to netip.Addr, names map[int]string) (hostnet.FIBRoute, error) {
	// With strict checking IPv6 refuses a request of package netlink's, which asks
	// for the table by a flag too (inet6_rtm_valid_getroute_req() in net/ipv6/route.c).
	_ = c.handle.SetStrictCheck(false)
	defer func() { _ = c.handle.SetStrictCheck(true) }()
	routes, err := c.handle.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{SrcAddr: from.AsSlice(), FIBMatch: true})
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL):
		return hostnet.FIBRoute{}, ErrNoRoute{err}
	case err != nil:
		return hostnet.FIBRoute{}, fmt.Errorf("asking for the route from %s to %s: %w", from, to, err)
	case len(routes) == 0:
		return hostnet.FIBRoute{}, ErrNoRoute{unix.ENETUNREACH}
	}
	return fibRoute(hostnet.FamilyOf(to), routes[0], names), nil
}
