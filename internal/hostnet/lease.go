package hostnet

import (
	"net/netip"
	"slices"
	"time"
)

// Lease is what a DHCP client holds for a link in one address family. All of it
// came from whoever answered the DHCP request: whoever makes a Lease has checked
// each value for what it claims to be, and left out what is not.
type Lease struct {
	// Link is the name of the link that the lease is for.
	Link string `json:"link"`
	// Addresses are the leased ones: of DHCPv4 the one, with the prefix length of
	// the subnet mask, or 32 where none was given; of DHCPv6 each with 128.
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	// Prefixes are those delegated to this host (RFC 8415 section 6.3).
	Prefixes []netip.Prefix `json:"prefixes,omitempty"`
	// Routers are the gateways of the default route, best first. Classless static
	// routes take the place of the router option (RFC 3442).
	Routers []netip.Addr `json:"routers,omitempty"`
	// Routes are the classless static routes other than default routes.
	Routes []LeaseRoute `json:"routes,omitempty"`
	DNS    []netip.Addr `json:"dns,omitempty"`
	// Domain is the domain name, Search the search list; both without a final dot.
	Domain string       `json:"domain,omitempty"`
	Search []string     `json:"search,omitempty"`
	NTP    []netip.Addr `json:"ntp,omitempty"`
	// HostName is the one that the server gives this host.
	HostName string `json:"host_name,omitempty"`
	// Server is the DHCPv4 server's identifier; invalid where it is not told.
	Server netip.Addr `json:"server,omitzero"`
	// MTU is in bytes; 0 where it is not told.
	MTU int `json:"mtu,omitempty"`
	// Expire is when the lease ends; zero means never.
	Expire time.Time `json:"expire,omitzero"`
}

// LeaseRoute is a classless static route of a lease (RFC 3442). A gateway of
// 0.0.0.0 means that the destination is on the link.
type LeaseRoute struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway"`
}

// Same reports whether two leases differ in nothing but what a plain renewal
// changes, their end.
func (l Lease) Same(other Lease) bool {
	return l.Link == other.Link && l.Domain == other.Domain && l.HostName == other.HostName &&
		l.Server == other.Server && l.MTU == other.MTU &&
		slices.Equal(l.Addresses, other.Addresses) && slices.Equal(l.Prefixes, other.Prefixes) &&
		slices.Equal(l.Routers, other.Routers) && slices.Equal(l.Routes, other.Routes) &&
		slices.Equal(l.DNS, other.DNS) && slices.Equal(l.Search, other.Search) && slices.Equal(l.NTP, other.NTP)
}

// LeaseMark is what the watcher knows a lease by; the zero value is no lease.
type LeaseMark struct {
	// Signature is of all that a plain renewal does not change.
	Signature string `json:"signature,omitempty"`
	// Address is the leased one with its prefix, in the notation of ip(8).
	Address string `json:"address,omitempty"`
}
