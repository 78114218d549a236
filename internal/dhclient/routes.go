package dhclient

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// classlessRoutes reads RFC 3442's option, of which dhclient knows nothing unless
// its configuration tells: it is a list of numbers then, else bytes in hexadecimal,
// or a string if all of them are printable.
func (m *maker) classlessRoutes(option string, values []word) {
	raw, ok := octets(values)
	routes, whole := parseClassless(raw)
	if !ok || !whole || len(routes) > maxValues {
		m.reject("%s: not a list of routes", option)
		return
	}
	m.routes = true
	m.classless, m.lease.Routes = nil, nil
	for _, r := range routes {
		switch {
		case !r.Gateway.IsUnspecified() && !unicast(r.Gateway), r.Destination.Addr().IsMulticast(), r.Destination.Addr().IsLoopback():
			m.reject("%s: no route to %s via %s", option, r.Destination, r.Gateway)
		case r.Destination.Bits() > 0:
			m.lease.Routes = append(m.lease.Routes, r)
		case r.Gateway.IsUnspecified():
			m.reject("%s: a default route without a gateway", option)
		case !slices.Contains(m.classless, r.Gateway):
			m.classless = append(m.classless, r.Gateway)
		}
	}
}

// octets are the bytes of an option that was written in whichever form.
func octets(values []word) ([]byte, bool) {
	if len(values) == 1 && values[0].quoted {
		return []byte(values[0].text), !values[0].long
	}
	var raw []byte
	for _, w := range values {
		base, parts := 10, []string{w.text}
		if strings.Contains(w.text, ":") {
			base, parts = 16, strings.Split(w.text, ":")
		}
		for _, part := range parts {
			n, err := strconv.ParseUint(part, base, 8)
			if err != nil || w.quoted || w.long {
				return nil, false
			}
			raw = append(raw, byte(n))
		}
	}
	return raw, true
}

// parseClassless reads a prefix length, the bytes of the destination that it makes
// significant, and a gateway, over and over.
func parseClassless(raw []byte) (routes []hostnet.LeaseRoute, whole bool) {
	for len(raw) > 0 {
		bits := int(raw[0])
		significant := (bits + 7) / 8
		if bits > 32 || len(raw) < 1+significant+4 {
			return nil, false
		}
		var dst, gateway [4]byte
		copy(dst[:], raw[1:1+significant])
		copy(gateway[:], raw[1+significant:])
		routes = append(routes, hostnet.LeaseRoute{
			Destination: netip.PrefixFrom(netip.AddrFrom4(dst), bits).Masked(), Gateway: netip.AddrFrom4(gateway),
		})
		raw = raw[1+significant+4:]
	}
	return routes, len(routes) > 0
}
