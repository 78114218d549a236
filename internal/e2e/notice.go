package e2e

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Notice is what one message of rtnetlink(7) says of a link, an address, a rule
// or a route. It is decoded apart from netbrk's own decoder, which it judges.
type Notice struct {
	// At is when the message was read.
	At time.Time
	// Kind is RTM_NEWADDR, RTM_DELRULE and the like.
	Kind  uint16
	Index int // of the link, or of the address's link
	Link  hostnet.Link
	Addr  hostnet.Addr
	Rule  hostnet.Rule
	// Routes has a route for each of its hops.
	Routes []hostnet.Route
}

// Own reports whether it is of a rule or route that carries netbrk's mark.
func (n Notice) Own() bool {
	switch n.Kind {
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return n.Rule.Protocol == hostnet.Protocol
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return len(n.Routes) > 0 && n.Routes[0].Protocol == hostnet.Protocol
	}
	return false
}

// String tells it as ip-monitor(8) does, in a word or two.
func (n Notice) String() string {
	switch n.Kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return fmt.Sprintf("%s %s up=%t", verb(n.Kind, unix.RTM_DELLINK, "link"), n.Link.Name, n.Link.Flags&hostnet.FlagUp != 0)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return fmt.Sprintf("%s %s link %d flags %#x", verb(n.Kind, unix.RTM_DELADDR, "address"), n.Addr.Prefix, n.Index, n.Addr.Flags)
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return fmt.Sprintf("%s %s protocol %d", verb(n.Kind, unix.RTM_DELRULE, "rule"), n.Rule, n.Rule.Protocol)
	}
	var hops []string
	for _, r := range n.Routes {
		hops = append(hops, fmt.Sprintf("%s link %d protocol %d", r.Describe(""), r.Index, r.Protocol))
	}
	return verb(n.Kind, unix.RTM_DELROUTE, "route") + " " + strings.Join(hops, ", ")
}

func verb(kind, deletion uint16, object string) string {
	if kind == deletion {
		return object + " deleted:"
	}
	return object + ":"
}

// notices decodes what was read from the socket; interrupted is true for a dump
// that the kernel changed under.
func notices(datagram []byte, at time.Time) (found []Notice, done, interrupted bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return nil, false, false, fmt.Errorf("parsing netlink messages: %w", err)
	}
	for _, m := range messages {
		interrupted = interrupted || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
		switch m.Header.Type {
		case unix.NLMSG_DONE:
			done = true
			continue
		case unix.NLMSG_ERROR:
			return found, true, interrupted, fmt.Errorf("the kernel refuses: %w", refusal(m.Data))
		}
		n, ok, err := decode(m.Header.Type, m.Data)
		if err != nil {
			return found, done, interrupted, err
		}
		if ok {
			n.At = at
			found = append(found, n)
		}
	}
	return found, done, interrupted, nil
}

// refusal is the error of struct nlmsgerr.
func refusal(data []byte) error {
	if len(data) < 4 {
		return unix.EBADMSG
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(data)))
}

// decode decodes a message, if it is one that is followed here.
func decode(kind uint16, data []byte) (n Notice, ok bool, err error) {
	var header int
	var read func(*Notice, []byte, map[uint16][]byte)
	switch kind {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		header, read = unix.SizeofIfInfomsg, readLink
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		header, read = unix.SizeofIfAddrmsg, readAddr
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		header, read = unix.SizeofRtMsg, readRule // struct fib_rule_hdr is as large
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		header, read = unix.SizeofRtMsg, readRoutes
	default:
		return n, false, nil
	}
	if len(data) < header {
		return n, false, fmt.Errorf("parsing netlink message %d: %d bytes", kind, len(data))
	}
	list, err := nl.ParseRouteAttr(data[header:])
	if err != nil {
		return n, false, fmt.Errorf("parsing netlink message %d: %w", kind, err)
	}
	attributes := make(map[uint16][]byte, len(list))
	for _, a := range list {
		attributes[a.Attr.Type&nl.NLA_TYPE_MASK] = a.Value
	}
	n.Kind = kind
	read(&n, data, attributes)
	return n, true, nil
}

func readLink(n *Notice, data []byte, attributes map[uint16][]byte) {
	n.Index = int(binary.NativeEndian.Uint32(data[4:]))
	n.Link = hostnet.Link{
		Index: n.Index, Flags: binary.NativeEndian.Uint32(data[8:]),
		Name:        unix.ByteSliceToString(attributes[unix.IFLA_IFNAME]),
		MasterIndex: int(number(attributes[unix.IFLA_MASTER])),
	}
}

func readAddr(n *Notice, data []byte, attributes map[uint16][]byte) {
	n.Index = int(binary.NativeEndian.Uint32(data[4:]))
	n.Addr = hostnet.Addr{Scope: data[3], Flags: uint32(data[2])}
	if flags := attributes[unix.IFA_FLAGS]; flags != nil {
		n.Addr.Flags = number(flags)
	}
	// Ours is IFA_LOCAL where there is a peer: uapi/linux/if_addr.h.
	local, ok := attributes[unix.IFA_LOCAL]
	if !ok {
		local = attributes[unix.IFA_ADDRESS]
	}
	address, _ := netip.AddrFromSlice(local)
	n.Addr.Prefix = netip.PrefixFrom(address, int(data[1]))
}

func readRule(n *Notice, data []byte, attributes map[uint16][]byte) {
	n.Rule = hostnet.Rule{
		Family:               hostnet.Family(data[0]),
		From:                 prefix(data[0], attributes[unix.FRA_SRC], data[2]),
		To:                   prefix(data[0], attributes[unix.FRA_DST], data[1]),
		Priority:             number(attributes[unix.FRA_PRIORITY]),
		Table:                number(attributes[unix.FRA_TABLE]),
		SuppressPrefixLength: hostnet.NoSuppress,
		Other:                data[7] != nl.FR_ACT_TO_TBL,
	}
	if suppress := attributes[unix.FRA_SUPPRESS_PREFIXLEN]; suppress != nil {
		n.Rule.SuppressPrefixLength = int32(number(suppress))
	}
	if protocol := attributes[unix.FRA_PROTOCOL]; len(protocol) == 1 {
		n.Rule.Protocol = protocol[0]
	}
	for _, selector := range []uint16{unix.FRA_IIFNAME, unix.FRA_OIFNAME, unix.FRA_FWMARK, unix.FRA_UID_RANGE} {
		n.Rule.Other = n.Rule.Other || attributes[selector] != nil
	}
}

func readRoutes(n *Notice, data []byte, attributes map[uint16][]byte) {
	destination := prefix(data[0], attributes[unix.RTA_DST], data[1])
	if !destination.IsValid() {
		destination = netip.PrefixFrom(unspecified(data[0]), 0)
	}
	r := hostnet.Route{
		Table: number(attributes[unix.RTA_TABLE]), Type: data[7], Destination: destination,
		Index: int(number(attributes[unix.RTA_OIF])), Scope: data[6],
		Metric: number(attributes[unix.RTA_PRIORITY]), Protocol: data[5],
	}
	r.Gateway, _ = netip.AddrFromSlice(attributes[unix.RTA_GATEWAY])
	r.Source, _ = netip.AddrFromSlice(attributes[unix.RTA_PREFSRC])
	hops := attributes[unix.RTA_MULTIPATH]
	if hops == nil {
		n.Routes = []hostnet.Route{r}
	}
	// struct rtnexthop: length, flags, hops, ifindex, and attributes after it.
	for len(hops) >= unix.SizeofRtNexthop {
		length := int(binary.NativeEndian.Uint16(hops))
		if length < unix.SizeofRtNexthop || length > len(hops) {
			return
		}
		hop := r
		hop.Multipath = true
		hop.Index = int(binary.NativeEndian.Uint32(hops[4:]))
		list, _ := nl.ParseRouteAttr(hops[unix.SizeofRtNexthop:length])
		for _, a := range list {
			if a.Attr.Type == unix.RTA_GATEWAY {
				hop.Gateway, _ = netip.AddrFromSlice(a.Value)
			}
		}
		n.Routes = append(n.Routes, hop)
		hops = hops[min((length+3)&^3, len(hops)):]
	}
}

// number is a 32-bit attribute; 0 without it.
func number(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(value)
}

// prefix is invalid without an address: it selects everything.
func prefix(family uint8, address []byte, bits uint8) netip.Prefix {
	a, ok := netip.AddrFromSlice(address)
	if !ok && bits > 0 {
		a = unspecified(family)
	}
	return netip.PrefixFrom(a, int(bits))
}

func unspecified(family uint8) netip.Addr {
	if family == unix.AF_INET6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
