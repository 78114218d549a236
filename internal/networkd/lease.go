package networkd

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Lease is a DHCPv4 lease as networkd keeps it in leases/N, less every value
// that is not what its key says: all of it comes from whoever answered the
// DHCP request.
type Lease struct {
	fields []assignment
	// Address is the leased one, Prefix the same with the length of its subnet's
	// mask, as the link has it.
	Address netip.Addr
	Prefix  netip.Prefix
	// Routers are the gateways of the default route, best first. Classless static
	// routes take the place of the router option (RFC 3442 section 3).
	Routers []netip.Addr
	// DNS are the name servers, Domains the domain name, DomainSearch the
	// search list that the server offered.
	DNS          []netip.Addr
	Domains      []string
	DomainSearch []string
	// Rejected says what was left out and why, for the log.
	Rejected []string
}

// ReadLease reads the lease of the link with this index; dir is StateDir but
// in tests. Without a lease the error is fs.ErrNotExist: networkd removes the
// file with the lease, at any time.
func ReadLease(dir string, index int) (Lease, error) {
	raw, err := readFile(filepath.Join(dir, "leases", strconv.Itoa(index)))
	if err != nil {
		return Lease{}, fmt.Errorf("reading lease of link %d: %w", index, err)
	}
	return parseLease(raw), nil
}

// parseLease takes from a lease file all that can be trusted.
func parseLease(raw []byte) Lease {
	var (
		lease    Lease
		rejected rejects
		seen     = make(map[string]bool)
	)
	for _, a := range parseEnvFile(raw) {
		switch {
		case !validKey(a.key):
			rejected.add(a.key, a.value, "has a key that is not one")
		case seen[a.key]:
			// networkd writes each key once: the second is another's.
			rejected.add(a.key, a.value, "is given a second time")
		default:
			seen[a.key] = true
			if kept, ok := leaseRule(a.key).apply(a.key, a.value, &rejected); ok {
				lease.take(assignment{a.key, kept})
			}
		}
	}
	lease.Prefix = lease.prefix()
	lease.Rejected = rejected.lines()
	return lease
}

// leaseRule knows the keys that dhcp_lease_save() of systemd 247 to 257 writes
// (libsystemd-network/sd-dhcp-lease.c). A key it does not know has to be a
// plain word.
func leaseRule(key string) rule {
	switch key {
	case "ADDRESS", "NETMASK", "SERVER_ADDRESS", "NEXT_SERVER", "BROADCAST":
		return rule{what: "an IPv4 address", is: isIPv4}
	case "ROUTER", "DNS", "NTP", "SIP":
		return rule{what: "an IPv4 address", is: isIPv4, list: true}
	case "DNR":
		return rule{what: "a name server", is: isDNSServer, list: true}
	case "MTU":
		return rule{what: "a number of 16 bits", is: isUint16}
	case "T1", "T2", "LIFETIME":
		return rule{what: "a time span", is: isTimeSpan}
	case "DOMAINNAME":
		return rule{what: "a domain name", is: hostnet.ValidDomain}
	case "DOMAIN_SEARCH_LIST":
		return rule{what: "a domain name", is: hostnet.ValidDomain, list: true}
	case "HOSTNAME":
		return rule{what: "a host name", is: hostnet.ValidHostName}
	case "ROUTES", "STATIC_ROUTES", "CLASSLESS_ROUTES":
		return rule{what: "a route", is: isLeaseRoute, list: true}
	case "CLIENTID", "VENDOR_SPECIFIC":
		return rule{what: "hexadecimal", is: isHex}
	}
	if strings.HasPrefix(key, "OPTION_") {
		return rule{what: "hexadecimal", is: isHex}
	}
	return rule{what: "a plain word", is: isPlainWord}
}

func (l *Lease) take(a assignment) {
	l.fields = append(l.fields, a)
	switch a.key {
	case "ADDRESS":
		l.Address, _ = netip.ParseAddr(a.value) // or empty: leaseRule saw to it
	case "ROUTER":
		if len(l.Routers) == 0 {
			l.Routers = addresses(a.value)
		}
	case "ROUTES", "CLASSLESS_ROUTES": // systemd 247, and later
		if routers := defaultRouters(a.value); len(routers) > 0 {
			l.Routers = routers
		}
	case "DNS":
		l.DNS = addresses(a.value)
	case "DOMAINNAME":
		l.Domains = strings.Fields(a.value)
	case "DOMAIN_SEARCH_LIST":
		l.DomainSearch = strings.Fields(a.value)
	}
}

// prefix is invalid without an address, and a single address without a mask.
func (l *Lease) prefix() netip.Prefix {
	if !l.Address.IsValid() {
		return netip.Prefix{}
	}
	bits := l.Address.BitLen()
	for _, f := range l.fields {
		if mask, err := netip.ParseAddr(f.value); f.key == "NETMASK" && err == nil {
			if ones, size := net.IPMask(mask.AsSlice()).Size(); size != 0 {
				bits = ones
			}
		}
	}
	return netip.PrefixFrom(l.Address, bits)
}

// addresses reads a list that leaseRule let pass.
func addresses(value string) []netip.Addr {
	var list []netip.Addr
	for _, word := range strings.Fields(value) {
		list = append(list, netip.MustParseAddr(word))
	}
	return list
}

// defaultRouters are the gateways of the default routes in a list of routes.
func defaultRouters(value string) []netip.Addr {
	var routers []netip.Addr
	for _, word := range strings.Fields(value) {
		destination, gateway, _ := strings.Cut(word, ",")
		if netip.MustParsePrefix(destination).Bits() == 0 {
			routers = append(routers, netip.MustParseAddr(gateway))
		}
	}
	return routers
}

// Environment returns the lease's lines, KEY=VALUE, in the order of the file
// and joined by spaces, as network-event-broker's hooks know them. A value
// that is a list has spaces too.
func (l Lease) Environment() string {
	lines := make([]string, 0, len(l.fields))
	for _, f := range l.fields {
		lines = append(lines, f.key+"="+f.value)
	}
	return strings.Join(lines, " ")
}

// Signature is the same for two leases that differ in nothing but what a plain
// renewal changes: their timers, and the order of lines. It tells changes
// apart, and is no defence against a server that wants two leases to look alike.
func (l Lease) Signature() string {
	var lines []string
	for _, f := range l.fields {
		switch f.key {
		case "T1", "T2", "LIFETIME":
		default:
			lines = append(lines, f.key+"="+f.value+"\n")
		}
	}
	slices.Sort(lines)
	h := fnv.New128a()
	for _, line := range lines {
		h.Write([]byte(line))
	}
	return hex.EncodeToString(h.Sum(nil))
}
