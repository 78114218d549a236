package hostnet

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
)

// ErrLinkGone says that no link has the index or name asked for: it vanished,
// was renamed, or never was.
var ErrLinkGone = errors.New("link is gone")

// LinkDetails is everything the kernel tells of one link.
type LinkDetails struct {
	Link
	AlternativeNames []string
	// HardwareAddr is in colon notation, empty where the link has none.
	HardwareAddr string
	Alias        string
	MTU          int
	TxQueueLen   int
	// ParentIndex is the ifindex of the link below, a VLAN's or a veth's peer;
	// NamespaceID tells the namespace it is in, -1 for this one.
	ParentIndex int
	NamespaceID int
	// MasterKind is the kind of the link above, such as "bridge" or "bond".
	MasterKind string
	// BridgePort lists the flags of a bridge port that are set.
	BridgePort string
	// EncapType names Type as ip(8) does: "ether", "loopback", "none".
	EncapType   string
	Promiscuity int
	XDP         XDP
	TxQueues    int
	RxQueues    int
	GSOMaxSize  uint32
	GSOMaxSegs  uint32
	Group       uint32
	Statistics  LinkStatistics

	Addresses []AddrDetails
	// AddressesTruncated is true where the kernel changed addresses under
	// every attempt to list them: some may be missing.
	AddressesTruncated bool
	// Routes are those of every table but the local one, as FirstRoutes
	// orders them.
	Routes []RouteDetails
	// RoutesTruncated is true where Routes lacks some: there are more than
	// MaxRoutes, or they changed under every attempt to list them.
	RoutesTruncated bool
}

// Reaches returns the widest reaches of the link's IPv4 and IPv6 addresses, as
// DeriveStates takes them.
func (d LinkDetails) Reaches() (v4, v6 Reach) {
	for _, a := range d.Addresses {
		v4, v6 = a.Widen(v4, v6)
	}
	return v4, v6
}

// XDP is the express data path program of a link, IFLA_XDP_* of
// uapi/linux/if_link.h.
type XDP struct {
	FD        int
	Attached  bool
	Flags     uint32
	ProgramID uint32
}

// LinkStatistics are the counters of rtnl_link_stats64 in uapi/linux/if_link.h,
// in its order. Hooks see the names of the fields.
type LinkStatistics struct {
	RxPackets         uint64
	TxPackets         uint64
	RxBytes           uint64
	TxBytes           uint64
	RxErrors          uint64
	TxErrors          uint64
	RxDropped         uint64
	TxDropped         uint64
	Multicast         uint64
	Collisions        uint64
	RxLengthErrors    uint64
	RxOverErrors      uint64
	RxCrcErrors       uint64
	RxFrameErrors     uint64
	RxFifoErrors      uint64
	RxMissedErrors    uint64
	TxAbortedErrors   uint64
	TxCarrierErrors   uint64
	TxFifoErrors      uint64
	TxHeartbeatErrors uint64
	TxWindowErrors    uint64
	RxCompressed      uint64
	TxCompressed      uint64
}

// AddrDetails is everything the kernel tells of one address.
type AddrDetails struct {
	Addr
	Broadcast netip.Addr
	Label     string
	// The lifetimes are what is left of them; 1<<32-1 is for ever.
	PreferredSeconds uint32
	ValidSeconds     uint32
}

// RouteDetails is everything the kernel tells of one route.
type RouteDetails struct {
	// Destination is 0.0.0.0/0 or ::/0 for a default route, and invalid for
	// an MPLS route.
	Destination netip.Prefix
	// Source is the preferred source address.
	Source  netip.Addr
	Gateway netip.Addr
	// NextHops are those of a multipath route, which has no Gateway.
	NextHops []NextHop
	Scope    uint8
	Protocol int
	Priority int
	Table    int
	// Type is RTN_* of rtnetlink(7).
	Type int
	TOS  int
	// Flags are named as in ip-route(8).
	Flags []string
	// MPLSDestination is the label that an MPLS route matches, empty for
	// other routes.
	MPLSDestination string
	NewDestination  string
	Encap           string
	MTU             int
	AdvMSS          int
	HopLimit        int
}

// NextHop is one path of a multipath route.
type NextHop struct {
	Link    string
	Gateway netip.Addr
	Weight  int
}

// Tables as far as used here, rtnetlink(7).
const (
	TableMain  = 254
	TableLocal = 255
)

// MaxRoutes bounds the routes kept of one link: a router that holds a full
// Internet table on a link would else make documents of hundreds of megabytes.
const MaxRoutes = 1000

// FirstRoutes sorts routes and cuts them to n. First come the routes that
// decide most, so that they are never the ones cut: default routes, then those
// without a gateway (the link's own subnets), then the rest; among equals the
// main table, then the others by number, IPv4 before IPv6, shorter prefixes
// first.
func FirstRoutes(routes []RouteDetails, n int) []RouteDetails {
	slices.SortStableFunc(routes, CompareRoutes)
	return routes[:min(n, len(routes))]
}

// CompareRoutes orders two routes as FirstRoutes says.
func CompareRoutes(a, b RouteDetails) int {
	return cmp.Or(
		cmp.Compare(routeRank(a), routeRank(b)),
		cmp.Compare(tableRank(a.Table), tableRank(b.Table)),
		cmp.Compare(a.Destination.Addr().BitLen(), b.Destination.Addr().BitLen()),
		cmp.Compare(a.Destination.Bits(), b.Destination.Bits()),
		a.Destination.Addr().Compare(b.Destination.Addr()),
		cmp.Compare(a.Priority, b.Priority),
	)
}

func routeRank(r RouteDetails) int {
	switch {
	case r.Destination.IsValid() && r.Destination.Bits() == 0:
		return 0
	case !r.Gateway.IsValid() && len(r.NextHops) == 0:
		return 1
	}
	return 2
}

func tableRank(table int) int {
	if table == TableMain {
		return -1
	}
	return table
}

// DeviceFacts is what sysfs and udev's database tell of the device behind a
// link. Any of it may be unknown, and so empty.
type DeviceFacts struct {
	// Type is the kernel's DEVTYPE, such as "wlan" or "bridge"; empty for plain
	// Ethernet.
	Type         string
	Driver       string
	Vendor       string
	Model        string
	Manufacturer string
	// ProductID is in lower-case hexadecimal without a prefix, such as "1000".
	ProductID string
	// Path is udev's persistent name of where the device sits, such as
	// "pci-0000:00:05.0".
	Path string
	// LinkFile is the systemd.link(5) file that was applied.
	LinkFile string
}

// NetworkFacts is what the one who configures a link tells of it.
type NetworkFacts struct {
	// NetworkFile is the systemd.network(5) file that was applied.
	NetworkFile string
	DNS         []string
	// Domains are the link's search domains in effect; DomainSearch is the
	// search list that the DHCP server offered, used or not.
	Domains      []string
	DomainSearch []string
	NTP          []string
}
