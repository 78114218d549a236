package health

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// links compose what is told of each link, by ifindex.
func (f Facts) links() []report.LinkStatus {
	if f.Links == nil {
		return nil
	}
	ports := map[int][]hostnet.Link{}
	for _, l := range f.Links.Facts {
		if master := l.Link.MasterIndex; master != 0 {
			ports[master] = append(ports[master], l.Link)
		}
	}
	list := make([]report.LinkStatus, 0, len(f.Links.Facts))
	for _, l := range f.Links.Facts {
		list = append(list, f.link(l, func(master int) []hostnet.Link { return ports[master] }))
	}
	slices.SortFunc(list, func(a, b report.LinkStatus) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

func (f Facts) link(l hostnet.LinkFacts, ports hostnet.Ports) report.LinkStatus {
	record := f.Links.Added[l.Link.Index]
	s := report.LinkStatus{
		Index: l.Link.Index, Link: l.Link.Name, Kind: kind(l.Link.Type), MAC: l.MAC, MTU: l.MTUBytes,
		States: f.states(l, ports), Addresses: []report.AddressStatus{},
		Watched: f.Links.Watched != nil && f.Links.Watched(l.Link.Name),
	}
	if len(record.Addresses) > 0 {
		s.Table = record.Table
	}
	if lease, ok := f.Links.Leases[l.Link.Name]; ok && !lease.Empty() {
		s.Leases = &lease
	}
	for _, a := range l.Addrs {
		if a.Scope >= hostnet.ScopeLink {
			continue // of this link, or this host, alone
		}
		s.Addresses = append(s.Addresses, report.AddressStatus{
			Address: a.Prefix, Origin: origin(a.Prefix, record, s.Leases), Flags: flags(a),
		})
	}
	for _, r := range l.Routes {
		if r.IsDefault() && r.Gateway.IsValid() && !slices.Contains(s.Gateways, r.Gateway) {
			s.Gateways = append(s.Gateways, r.Gateway)
		}
	}
	return s
}

// states are networkd's words, where it has any for the link.
func (f Facts) states(l hostnet.LinkFacts, ports hostnet.Ports) hostnet.States {
	if told := f.Links.States[l.Link.Index]; told[hostnet.OperationalState] != "" {
		return told
	}
	var v4, v6 hostnet.Reach
	for _, a := range l.Addrs {
		v4, v6 = a.Widen(v4, v6)
	}
	return hostnet.DeriveStates(l.Link, ports, v4, v6)
}

func origin(p netip.Prefix, record report.LinkRules, leases *report.LinkLeases) string {
	if slices.Contains(record.Added, p) {
		return "netbrk"
	}
	if leases != nil {
		for _, lease := range []*hostnet.Lease{leases.IPv4, leases.IPv6} {
			if lease != nil && slices.ContainsFunc(lease.Addresses, func(a netip.Prefix) bool { return a.Addr() == p.Addr() }) {
				return "dhclient"
			}
		}
	}
	return ""
}

// flags are those that say that an address is not as good as others.
func flags(a hostnet.Addr) []string {
	var names []string
	for _, f := range []struct {
		flag uint32
		name string
	}{{hostnet.AddrTentative, "tentative"}, {hostnet.AddrDADFailed, "dadfailed"}, {hostnet.AddrDeprecated, "deprecated"}} {
		if a.Flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// kind names the ARPHRD_* types of uapi/linux/if_arp.h that are common, as ip(8)
// does.
func kind(arp uint16) string {
	switch arp {
	case 1:
		return "ether"
	case 32:
		return "infiniband"
	case 512:
		return "ppp"
	case 768:
		return "ipip"
	case 772:
		return "loopback"
	case 776:
		return "sit"
	case 778:
		return "gre"
	case 0xfffe:
		return "none"
	}
	return ""
}
