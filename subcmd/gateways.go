package subcmd

import (
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/internal/plan"
)

// leaseGateways are the gateways in the lease that networkd keeps for a link. A
// lease whose address is not on the link is not this link's: another namespace's,
// where both share /run, or one that has just ended.
func leaseGateways(link hostnet.LinkFacts) []plan.Gateway {
	lease, err := networkd.ReadLease(networkd.StateDir, link.Link.Index)
	if err != nil {
		return nil // no lease is no fault
	}
	for _, a := range link.Addrs {
		if a.Prefix.Addr() != lease.Address {
			continue
		}
		var gateways []plan.Gateway
		for _, router := range lease.Routers {
			gateways = append(gateways, plan.Gateway{Addr: router, Source: "dhcp"})
		}
		return gateways
	}
	return nil
}
