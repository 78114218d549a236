package dhclient

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Lease is what a file tells of a link in one address family.
type Lease struct {
	hostnet.Lease

	IPv6 bool
	// Rejected says of each value that is not in the lease why it is not.
	Rejected []string
	// client is the name that a second client on the same link has, see
	// dhclient.conf(5) on "pseudo"; mostly empty.
	client string
}

// interpret makes a lease of a block; it returns false for one that dhclient has
// given back, or that says nothing.
func (b *block) interpret() (Lease, bool) {
	m := maker{lease: Lease{IPv6: b.ipv6}}
	released := false
	for _, s := range parseBlock(b.text) {
		switch s.name() {
		case "interface":
			m.link(s.args())
		case "name":
			if args := s.args(); len(args) == 1 {
				m.lease.client = args[0].text
			}
		case "released":
			released = true
		case "option":
			m.option(s.args())
		case "fixed-address":
			if !b.ipv6 {
				m.address(s.args())
			}
		case "expire":
			if !b.ipv6 {
				m.expire(s.args())
			}
		case "ia-na", "ia-ta", "ia-pd":
			if b.ipv6 {
				m.association(s.body)
			}
		}
	}
	m.finish()
	// One that says nothing at all is of no use to anybody.
	empty := len(m.lease.Addresses) == 0 && (!b.ipv6 || len(m.lease.Prefixes) == 0 && !m.told)
	return m.lease, !released && !empty
}

// maker gathers the values of one block.
type maker struct {
	lease Lease
	mask  int
	// classless are the routers of classless static routes, which take the place
	// of the router option: RFC 3442.
	classless []netip.Addr
	routes    bool
	// ends is when the addresses and prefixes end, the last of them.
	ends time.Time
	told bool // an option at least
}

// maxRejected bounds how much one lease is complained about: a server can fill its
// answer with what is not an address.
const maxRejected = 16

func (m *maker) reject(format string, args ...any) {
	switch n := len(m.lease.Rejected); {
	case n < maxRejected:
		m.lease.Rejected = append(m.lease.Rejected, fmt.Sprintf(format, args...))
	case n == maxRejected:
		m.lease.Rejected = append(m.lease.Rejected, "and more")
	}
}

// shown is a value as a message shows it.
func shown(w word) string { return fmt.Sprintf("%.60q", w.text) }

func (m *maker) link(args []word) {
	if len(args) != 1 || !hostnet.ValidLinkName(args[0].text) {
		return // a name that no link can have is of no link
	}
	m.lease.Link = args[0].text
}

func (m *maker) address(args []word) {
	m.lease.Addresses = nil
	if len(args) != 1 {
		m.reject("fixed-address: not one address")
		return
	}
	for _, addr := range m.addrs("fixed-address", args, netip.Addr.Is4) {
		m.lease.Addresses = append(m.lease.Addresses, netip.PrefixFrom(addr, addr.BitLen()))
	}
}

// option takes in an option of those that somebody is told.
func (m *maker) option(args []word) {
	if len(args) == 0 {
		return
	}
	name, values := args[0].text, args[1:]
	of4 := netip.Addr.Is4
	if m.lease.IPv6 {
		m.told = true
		switch name {
		case "dhcp6.name-servers":
			m.lease.DNS = m.addrs(name, values, is6)
		case "dhcp6.sntp-servers":
			m.lease.NTP = m.addrs(name, values, is6)
		case "dhcp6.domain-search":
			m.lease.Search = m.domains(name, values)
		}
		return
	}
	switch name {
	case "subnet-mask":
		m.subnetMask(values)
	case "routers":
		if !m.routes {
			m.lease.Routers = m.addrs(name, values, of4)
		}
	case "rfc3442-classless-static-routes", "classless-static-routes", "unknown-121":
		m.classlessRoutes(name, values)
	case "domain-name-servers":
		m.lease.DNS = m.addrs(name, values, of4)
	case "ntp-servers":
		m.lease.NTP = m.addrs(name, values, of4)
	case "domain-search":
		m.lease.Search = m.domains(name, values)
	case "domain-name":
		m.domainName(values)
	case "host-name":
		m.hostName(values)
	case "dhcp-server-identifier":
		if addrs := m.addrs(name, values, of4); len(addrs) > 0 {
			m.lease.Server = addrs[0]
		}
	case "interface-mtu":
		m.mtu(values)
	}
}

// maxValues bounds a list, far above what a DHCP option can hold usefully.
const maxValues = 64

// addrs reads a list of addresses that somebody can have, or be asked at.
func (m *maker) addrs(option string, values []word, family func(netip.Addr) bool) []netip.Addr {
	var list []netip.Addr
	for _, w := range values {
		addr, err := netip.ParseAddr(w.text)
		switch {
		case err != nil || w.quoted || addr.Zone() != "" || !family(addr):
			m.reject("%s: %s is not an address", option, shown(w))
		case !unicast(addr):
			m.reject("%s: %s is nobody's address", option, addr)
		case len(list) == maxValues:
			m.reject("%s: more than %d", option, maxValues)
			return list
		case !slices.Contains(list, addr):
			list = append(list, addr)
		}
	}
	return list
}

func is6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }

// unicast leaves out what no server on the network can have: loopback is the
// host's own, and a name server there is not for DHCP to choose. RFC 1122 section
// 3.2.1.3 has all of 0.0.0.0/8 for this host.
func unicast(a netip.Addr) bool {
	if a.Is4() && (a.As4()[0] == 0 || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})) {
		return false
	}
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}

func (m *maker) subnetMask(values []word) {
	if len(values) == 1 {
		if addr, err := netip.ParseAddr(values[0].text); err == nil && addr.Is4() {
			// Zero stands for a mask with holes, too.
			if bits, _ := net.IPMask(addr.AsSlice()).Size(); bits > 0 {
				m.mask = bits
				return
			}
		}
		m.reject("subnet-mask: %s is not a mask", shown(values[0]))
	}
}

// domainName reads the domain: of several names, which the option is often abused
// for, the first is the domain and the others are searched.
func (m *maker) domainName(values []word) {
	if len(values) != 1 {
		m.reject("domain-name: not one string")
		return
	}
	names := strings.FieldsFunc(values[0].text, func(r rune) bool { return r == ' ' })
	for _, name := range names {
		if values[0].long || !hostnet.ValidDomain(name) {
			m.reject("domain-name: %s is not a domain name", shown(values[0]))
			return
		}
	}
	if len(names) > 0 {
		m.lease.Domain = strings.TrimSuffix(names[0], ".")
		for _, name := range names[1:] {
			if name = strings.TrimSuffix(name, "."); len(m.lease.Search) < maxValues && !slices.Contains(m.lease.Search, name) {
				m.lease.Search = append(m.lease.Search, name)
			}
		}
	}
}

func (m *maker) domains(option string, values []word) []string {
	var names []string
	for _, w := range values {
		name := strings.TrimSuffix(w.text, ".")
		switch {
		case w.long || !hostnet.ValidDomain(w.text):
			m.reject("%s: %s is not a domain name", option, shown(w))
		case len(names) == maxValues:
			m.reject("%s: more than %d", option, maxValues)
			return names
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	return names
}

func (m *maker) hostName(values []word) {
	if len(values) != 1 || values[0].text == "" {
		return
	}
	if values[0].long || !hostnet.ValidHostName(values[0].text) {
		m.reject("host-name: %s is not a host name", shown(values[0]))
		return
	}
	m.lease.HostName = values[0].text
}

// leastMTU is the least that a link of IPv4 can have: RFC 791, RFC 2132 section 5.1.
const leastMTU = 68

func (m *maker) mtu(values []word) {
	if len(values) != 1 {
		return
	}
	n, err := strconv.Atoi(values[0].text)
	if err != nil || n < leastMTU || n > math.MaxUint16 {
		m.reject("interface-mtu: %s is not an MTU", shown(values[0]))
		return
	}
	m.lease.MTU = n
}

// association reads the addresses and prefixes of an identity association.
func (m *maker) association(body []statement) {
	for _, s := range body {
		args := s.args()
		if len(args) != 1 || s.name() != "iaaddr" && s.name() != "iaprefix" {
			continue
		}
		ends, held := lifetime(s.body)
		if !held {
			continue
		}
		if s.name() == "iaaddr" {
			for _, addr := range m.addrs("iaaddr", args, is6) {
				m.lease.Addresses = append(m.lease.Addresses, netip.PrefixFrom(addr, addr.BitLen()))
				m.outlast(ends)
			}
			continue
		}
		prefix, err := netip.ParsePrefix(args[0].text)
		if err != nil || !is6(prefix.Addr()) || !unicast(prefix.Masked().Addr()) {
			m.reject("iaprefix: %s is not a prefix", shown(args[0]))
			continue
		}
		m.lease.Prefixes = append(m.lease.Prefixes, prefix.Masked())
		m.outlast(ends)
	}
}

// outlast takes in that something ends then; zero means never.
func (m *maker) outlast(ends time.Time) {
	first := len(m.lease.Addresses)+len(m.lease.Prefixes) == 1
	if first || !m.ends.IsZero() && (ends.IsZero() || ends.After(m.ends)) {
		m.ends = ends
	}
}

// finish puts together what came in several statements.
func (m *maker) finish() {
	l := &m.lease
	switch {
	case l.IPv6:
		l.Expire = m.ends
	case m.mask > 0:
		for i, p := range l.Addresses {
			l.Addresses[i] = netip.PrefixFrom(p.Addr(), m.mask)
		}
	}
	if m.routes {
		l.Routers = m.classless
	}
}
