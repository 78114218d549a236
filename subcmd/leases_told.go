package subcmd

import (
	"strings"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// tellLeases puts what dhclient holds for a link into what a script is told.
// Where networkd names servers and domains for the link itself, those are in
// effect, and the document keeps them.
func tellLeases(held report.LinkLeases, in *dispatcher.Input, facts *hostnet.NetworkFacts) {
	first, _ := held.First()
	in.Lease = dhclient.Environment(first)
	in.DNS = joinAddrs(held.DNS())
	if names := held.Domains(); len(names) > 0 {
		in.Domain = names[0]
	}
	if len(facts.DNS) == 0 {
		facts.DNS = strings.Fields(in.DNS)
	}
	if len(facts.Domains) == 0 && in.Domain != "" {
		facts.Domains = []string{in.Domain}
	}
	if len(facts.DomainSearch) == 0 {
		facts.DomainSearch = append(append([]string{}, search(held.IPv4)...), search(held.IPv6)...)
	}
	if len(facts.NTP) == 0 {
		facts.NTP = strings.Fields(joinAddrs(first.NTP))
	}
}

func search(lease *hostnet.Lease) []string {
	if lease == nil {
		return nil
	}
	return lease.Search
}
