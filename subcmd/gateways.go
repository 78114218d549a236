package subcmd

import (
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/internal/plan"
	"github.com/netbrk/netbrk/state"
)

// leaseGateways returns what tells the gateways in the lease of a link, networkd's
// or else dhclient's. A lease whose address is not on the link is not this link's:
// another namespace's, where both share /run, or one that has just ended.
func leaseGateways(stateDir string) func(hostnet.LinkFacts) []plan.Gateway {
	kept := state.LookAtLeases(stateDir)
	return func(link hostnet.LinkFacts) []plan.Gateway {
		if lease, err := networkd.ReadLease(networkd.StateDir, link.Link.Index); err == nil && hasAddress(link, lease.Address) {
			return gatewaysOf(lease.Routers)
		}
		held, ok := kept.Get(link.Link.Name)
		if lease, has := held.First(); ok && has && len(lease.Addresses) > 0 && hasAddress(link, lease.Addresses[0].Addr()) {
			return gatewaysOf(lease.Routers)
		}
		return nil // no lease is no fault
	}
}

func hasAddress(link hostnet.LinkFacts, address netip.Addr) bool {
	return slices.ContainsFunc(link.Addrs, func(a hostnet.Addr) bool { return a.Prefix.Addr() == address })
}

func gatewaysOf(routers []netip.Addr) []plan.Gateway {
	var gateways []plan.Gateway
	for _, router := range routers {
		gateways = append(gateways, plan.Gateway{Addr: router, Source: "dhcp"})
	}
	return gateways
}
