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
	r := routeText{family: body[0], destination: "default", table: uint32(body[4])}
	eachAttribute(body, unix.SizeofRtMsg, func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_DST:
			if a, ok := netip.AddrFromSlice(v); ok {
				r.destination = prefixText(a, int(body[1]))
			}
		case unix.RTA_GATEWAY:
			r.gateway, _ = netip.AddrFromSlice(v)
		case unix.RTA_VIA:
			r.gateway = viaAddr(v)
		case unix.RTA_PREFSRC:
			r.source, _ = netip.AddrFromSlice(v)
		case unix.RTA_TABLE:
			r.table = native32(v)
		case unix.RTA_PRIORITY:
			r.metric = native32(v)
		}
	})
	if r.destination == "" {
		return ""
	}
	return r.String(body[7])
}

func prefixText(a netip.Addr, bits int) string {
	if p := netip.PrefixFrom(a, bits); p.IsValid() {
		return p.String()
	}
	return ""
}

type routeText struct {
	family          byte
	destination     string
	gateway, source netip.Addr
	table, metric   uint32
}

// String writes the route of the given RTN_* type.
func (r routeText) String(kind byte) string {
	var b strings.Builder
	if kind != unix.RTN_UNICAST {
		b.WriteString(typeWord(int(kind)) + " ")
	}
	b.WriteString(r.destination)
	switch {
	case r.gateway.Is6() && r.family == unix.AF_INET:
		fmt.Fprintf(&b, " via inet6 %s", r.gateway)
	case r.gateway.IsValid():
		fmt.Fprintf(&b, " via %s", r.gateway)
	}
	if r.table != unix.RT_TABLE_MAIN {
		fmt.Fprintf(&b, " table %d", r.table)
	}
	if r.source.IsValid() {
		fmt.Fprintf(&b, " src %s", r.source)
	}
	if r.metric != 0 {
		b.WriteString(" metric " + strconv.FormatUint(uint64(r.metric), 10))
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
