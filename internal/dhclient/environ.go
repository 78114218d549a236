package dhclient

import (
	"net"
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Environment is the lease as network-event-broker put it into DHCP_LEASE for
// dhclient: name servers twice, and several of them parted by blanks. What the lease
// does not have is left out; it is empty for no lease.
func Environment(l hostnet.Lease) string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+"="+value)
		}
	}
	dns := join(l.DNS)
	if len(l.Addresses) > 0 {
		add("ADDRESS", l.Addresses[0].Addr().String())
	}
	add("DNS", dns)
	add("ROUTER", join(l.Routers))
	if len(l.Addresses) > 0 && l.Addresses[0].Addr().Is4() {
		add("SUBNETMASK", net.IP(net.CIDRMask(l.Addresses[0].Bits(), 32)).String())
	}
	add("DNS", dns)
	add("DOMAIN", l.Domain)
	return strings.Join(parts, ",")
}

func join(addrs []netip.Addr) string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return strings.Join(words, " ")
}
