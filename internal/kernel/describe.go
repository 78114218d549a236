package kernel

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Describe tells a route or address of a change in the notation of ip(8).
func (m *Monitor) Describe(c hostnet.Change) string {
	switch c.Object {
	case hostnet.ObjectAddr:
		if c.Addr.Peer.IsValid() {
			if peer := prefixText(c.Addr.Peer, c.Addr.Prefix.Bits()); peer != "" {
				return c.Addr.Prefix.Addr().String() + " peer " + peer
			}
			return ""
		}
		return c.Addr.Prefix.String()
	case hostnet.ObjectRoute:
		return describeRoute(c.Raw)
	}
	return ""
}

// describeRoute returns what hostnet.Event takes for a route: nothing where the
// message makes no sense.
func describeRoute(body []byte) string {
	if len(body) < unix.SizeofRtMsg {
		return ""
	}
	r, destination := hostnet.Route{Type: body[7], Table: uint32(body[4])}, "default"
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		if kind != unix.RTA_DST {
			routeAttribute(&r, kind, v)
		} else if a, ok := netip.AddrFromSlice(v); ok {
			destination = prefixText(a, int(body[1]))
		}
	})
	if destination == "" {
		return ""
	}
	return routeText(body[0], destination, r)
}

func prefixText(a netip.Addr, bits int) string {
	if p := netip.PrefixFrom(a, bits); p.IsValid() {
		return p.String()
	}
	return ""
}

// routeText writes a route of an address family to a destination.
func routeText(family byte, destination string, r hostnet.Route) string {
	var b strings.Builder
	if r.Type != unix.RTN_UNICAST {
		b.WriteString(typeWord(int(r.Type)) + " ")
	}
	b.WriteString(destination)
	switch {
	case r.Gateway.Is6() && family == unix.AF_INET:
		fmt.Fprintf(&b, " via inet6 %s", r.Gateway)
	case r.Gateway.IsValid():
		fmt.Fprintf(&b, " via %s", r.Gateway)
	}
	if r.Table != unix.RT_TABLE_MAIN {
		fmt.Fprintf(&b, " table %d", r.Table)
	}
	if r.Source.IsValid() {
		fmt.Fprintf(&b, " src %s", r.Source)
	}
	if r.Metric != 0 {
		b.WriteString(" metric " + strconv.FormatUint(uint64(r.Metric), 10))
	}
	return b.String()
}

// typeWord is ip-route(8)'s for one of RTN_* of uapi/linux/rtnetlink.h.
func typeWord(kind int) string {
	switch kind {
	case unix.RTN_UNICAST:
		return "unicast"
	case unix.RTN_LOCAL:
		return "local"
	case unix.RTN_BROADCAST:
		return "broadcast"
	case unix.RTN_ANYCAST:
		return "anycast"
	case unix.RTN_MULTICAST:
		return "multicast"
	case unix.RTN_BLACKHOLE:
		return "blackhole"
	case unix.RTN_UNREACHABLE:
		return "unreachable"
	case unix.RTN_PROHIBIT:
		return "prohibit"
	case unix.RTN_THROW:
		return "throw"
	case unix.RTN_NAT:
		return "nat"
	}
	return "type " + strconv.Itoa(kind)
}
