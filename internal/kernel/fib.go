package kernel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// actions are FR_ACT_* of uapi/linux/fib_rules.h.
var actions = map[uint8]string{1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

// typeWord is ip-route(8)'s for one of RTN_* of uapi/linux/rtnetlink.h.
func typeWord(kind int) string {
	switch kind {
	case unix.RTN_UNICAST:
		return "unicast"
	case unix.RTN_BROADCAST:
		return "broadcast"
	case unix.RTN_ANYCAST:
		return "anycast"
	case unix.RTN_MULTICAST:
		return "multicast"
	}
	if word := routeTypes()[byte(kind)]; word != "" {
		return word
	}
	return "type " + strconv.Itoa(kind)
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

// fibRule reads one rule: a struct fib_rule_hdr, which has the layout of a struct
// rtmsg, and its attributes, FRA_* of uapi/linux/fib_rules.h.
func fibRule(body []byte) (hostnet.FIBRule, error) {
	if len(body) < unix.SizeofRtMsg {
		return hostnet.FIBRule{}, errors.New("rule is cut")
	}
	header := nl.DeserializeRtMsg(body)
	attrs, err := nl.ParseRouteAttr(body[header.Len():])
	if err != nil {
		return hostnet.FIBRule{}, err
	}
	r := hostnet.FIBRule{
		Family: hostnet.Family(header.Family), Table: uint32(header.Table), TOS: header.Tos,
		Action: actions[header.Type], Not: header.Flags&netlink.FibRuleInvert != 0, SuppressPrefixLength: hostnet.NoSuppress,
	}
	if r.Action == "" {
		r.Action = "action " + strconv.Itoa(int(header.Type))
	}
	for _, attr := range attrs {
		v := attr.Value
		switch kind := int(attr.Attr.Type); {
		case kind == nl.FRA_SRC:
			r.From = prefixOf(v, header.Src_len)
		case kind == nl.FRA_DST:
			r.To = prefixOf(v, header.Dst_len)
		case kind == nl.FRA_IIFNAME:
			r.InLink = strings.TrimRight(string(v), "\x00")
		case kind == nl.FRA_OIFNAME:
			r.OutLink = strings.TrimRight(string(v), "\x00")
		case len(v) < 4:
			other(&r, kind, v)
		case kind == nl.FRA_PRIORITY:
			r.Priority = nl.NativeEndian().Uint32(v)
		case kind == nl.FRA_FWMARK:
			r.Mark = nl.NativeEndian().Uint32(v)
		case kind == nl.FRA_FWMASK:
			r.Mask = nl.NativeEndian().Uint32(v)
		case kind == unix.RTA_TABLE:
			r.Table = nl.NativeEndian().Uint32(v)
		case kind == nl.FRA_GOTO:
			r.Goto = nl.NativeEndian().Uint32(v)
		case kind == nl.FRA_SUPPRESS_PREFIXLEN:
			r.SuppressPrefixLength = int32(nl.NativeEndian().Uint32(v))
		case kind == nl.FRA_SUPPRESS_IFGROUP && int32(nl.NativeEndian().Uint32(v)) == -1:
		case kind == nl.FRA_FLOW: // realms decide nothing here
		default:
			other(&r, kind, v)
		}
	}
	return r, nil
}

// others are the selectors that are told by name, by their numbers.
var others = map[int]string{
	nl.FRA_TUN_ID: "tun_id", nl.FRA_SUPPRESS_IFGROUP: "suppress_ifgroup", nl.FRA_L3MDEV: "l3mdev", nl.FRA_UID_RANGE: "uidrange",
	nl.FRA_IP_PROTO: "ipproto", nl.FRA_SPORT_RANGE: "sport", nl.FRA_DPORT_RANGE: "dport",
}

func other(r *hostnet.FIBRule, kind int, value []byte) {
	switch {
	case kind == nl.FRA_PROTOCOL, kind == 18: // FRA_PAD
	case kind == nl.FRA_L3MDEV && (len(value) == 0 || value[0] == 0):
	case others[kind] != "":
		r.Others = append(r.Others, others[kind])
	default:
		r.Others = append(r.Others, fmt.Sprintf("selector %d", kind))
	}
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
	zero := netip.IPv4Unspecified()
	if family == hostnet.IPv6 {
		zero = netip.IPv6Unspecified()
	}
	f := hostnet.FIBRoute{
		Table: uint32(r.Table), Type: typeWord(r.Type), Destination: netip.PrefixFrom(zero, 0), Link: names[r.LinkIndex],
		Metric: r.Priority, Dead: r.Flags&unix.RTNH_F_DEAD != 0,
	}
	if r.Dst != nil {
		if addr, ok := netip.AddrFromSlice(r.Dst.IP); ok {
			bits, size := r.Dst.Mask.Size()
			if family == hostnet.IPv4 {
				addr = addr.Unmap()
			}
			if size == addr.BitLen() {
				f.Destination = netip.PrefixFrom(addr, bits)
			}
		}
	}
	gateway := r.Gw
	if len(r.MultiPath) > 0 {
		f.Hops, f.Dead = len(r.MultiPath), true
		for _, hop := range r.MultiPath {
			if hop.Flags&unix.RTNH_F_DEAD == 0 && f.Dead {
				f.Dead, f.Link, gateway = false, names[hop.LinkIndex], hop.Gw
			}
		}
	}
	if addr, ok := netip.AddrFromSlice(gateway); ok && !addr.IsUnspecified() {
		f.Gateway = addr.Unmap()
	}
	return f
}

// ErrNoRoute is what the kernel says where no route leads, with its errno.
type ErrNoRoute struct{ Errno error }

func (e ErrNoRoute) Error() string { return e.Errno.Error() }

// RouteOf asks the kernel for the route that traffic from one address to another
// takes. The error is an ErrNoRoute where it takes none.
func (c *Conn) RouteOf(family hostnet.Family, from, to netip.Addr, names map[int]string) (hostnet.FIBRoute, error) {
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
	return fibRoute(family, routes[0], names), nil
}
