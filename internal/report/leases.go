package report

import (
	"net/netip"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// LinkLeases is leases/<link>.json: the leases that ISC dhclient holds for a
// link, as they were last seen, and what was done with them.
type LinkLeases struct {
	Link  string         `json:"link"`
	Index int            `json:"ifindex"`
	IPv4  *hostnet.Lease `json:"ipv4,omitempty"`
	IPv6  *hostnet.Lease `json:"ipv6,omitempty"`
	// Resolver is what the resolver was given of them; absent for nothing.
	Resolver *LeaseResolver `json:"resolver,omitempty"`
	// HostName is the transient host name that was set, PreviousHostName the one
	// before; empty where none was. NextHostName is one that the host was about to be
	// given instead of HostName, and may have, where a run was ended then.
	HostName         string `json:"host_name,omitempty"`
	PreviousHostName string `json:"previous_host_name,omitempty"`
	NextHostName     string `json:"next_host_name,omitempty"`
}

// LeaseResolver is what the resolver was given of a link's leases.
type LeaseResolver struct {
	DNS     []netip.Addr `json:"dns,omitempty"`
	Domains []string     `json:"domains,omitempty"`
}

// Empty reports whether there is no lease.
func (l LinkLeases) Empty() bool { return l.IPv4 == nil && l.IPv6 == nil }

// Same reports whether the leases differ in nothing but what a plain renewal
// changes.
func (l LinkLeases) Same(other LinkLeases) bool {
	return same(l.IPv4, other.IPv4) && same(l.IPv6, other.IPv6)
}

func same(a, b *hostnet.Lease) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Same(*b)
}

// DNS returns the name servers of both leases, IPv4's first.
func (l LinkLeases) DNS() []netip.Addr {
	var servers []netip.Addr
	for _, lease := range l.leases() {
		servers = append(servers, lease.DNS...)
	}
	return servers
}

// Domains returns the domain and the search list of both leases, each name once.
func (l LinkLeases) Domains() []string {
	var names []string
	seen := map[string]bool{"": true}
	for _, lease := range l.leases() {
		for _, name := range append([]string{lease.Domain}, lease.Search...) {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

func (l LinkLeases) leases() []hostnet.Lease {
	var all []hostnet.Lease
	for _, lease := range []*hostnet.Lease{l.IPv4, l.IPv6} {
		if lease != nil {
			all = append(all, *lease)
		}
	}
	return all
}

// First is the lease that a script which knows of one is told: IPv4's, if any.
func (l LinkLeases) First() (hostnet.Lease, bool) {
	all := l.leases()
	if len(all) == 0 {
		return hostnet.Lease{}, false
	}
	return all[0], true
}
