package resolved

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxEach is how many servers or domains a link is given. resolved takes up to 256
// of each, and fails for more with none set; resolv.conf(5) knows three servers.
const maxEach = 32

// usableServers returns those that can be a link's name servers, each once and in
// the form in which resolved gives them back. nil stands for none.
func usableServers(addrs []netip.Addr) []netip.Addr {
	var servers []netip.Addr
	for _, addr := range addrs {
		addr = addr.Unmap().WithZone("") // it is the link's
		switch {
		case !addr.IsValid(), addr.IsUnspecified(), addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		// 127.0.0.53 is resolved itself.
		case addr.IsLoopback():
		case slices.Contains(servers, addr):
		case len(servers) < maxEach:
			servers = append(servers, addr)
		}
	}
	return servers
}

// usableDomains is the same for search domains.
func usableDomains(names []string) []string {
	var domains []string
	for _, name := range names {
		if !hostnet.ValidDomain(name) {
			continue
		}
		name = strings.TrimSuffix(name, ".")
		again := slices.ContainsFunc(domains, func(other string) bool { return strings.EqualFold(other, name) })
		if !again && len(domains) < maxEach {
			domains = append(domains, name)
		}
	}
	return domains
}
