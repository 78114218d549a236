package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// NICLink is what tells whether a link is a NIC of the metadata.
type NICLink struct {
	Index int
	Name  string
	// MAC is in lower case with colons.
	MAC string
	// MasterIndex is the ifindex of the link above, ParentIndex of the one below
	// (IFLA_LINK); 0 for none.
	MasterIndex, ParentIndex int
	// Device says that a device is behind the link, as /sys/class/net/LINK/device
	// does.
	Device bool
}

// MatchNICs returns the ifindex of each NIC's link, by MAC address, and what is
// wrong with the NICs that have several. A NIC that no link has is left out: it
// has not been attached yet, or not any more.
//
// Azure's VF has the MAC of the synthetic NIC that it is enslaved to, and VLANs,
// macvlans and bridges inherit one. So links with a master drop out, and those
// that are stacked on another one with the same MAC; of several that are left,
// those with a device win. Any others are left alone, and named.
func MatchNICs(nics []hostnet.NIC, links []NICLink) (indexes map[string]int, problems []string) {
	indexes = make(map[string]int)
	for _, nic := range nics {
		found := candidatesFor(nic.MAC, links)
		switch len(found) {
		case 0:
		case 1:
			indexes[nic.MAC] = found[0].Index
		default:
			var names []string
			for _, l := range found {
				names = append(names, l.Name)
			}
			slices.Sort(names)
			problems = append(problems, fmt.Sprintf("NIC %s: links %s have its address, and nothing says which is meant", nic.MAC, strings.Join(names, ", ")))
		}
	}
	return indexes, problems
}

func candidatesFor(mac string, links []NICLink) []NICLink {
	same := make(map[int]bool)
	for _, l := range links {
		same[l.Index] = l.MAC == mac
	}
	var found []NICLink
	for _, l := range links {
		if same[l.Index] && l.MasterIndex == 0 && (l.ParentIndex == 0 || l.ParentIndex == l.Index || !same[l.ParentIndex]) {
			found = append(found, l)
		}
	}
	if devices := slices.DeleteFunc(slices.Clone(found), func(l NICLink) bool { return !l.Device }); len(devices) > 0 {
		return devices
	}
	return found
}

// azureWire is where Azure's platform answers, by way of the primary NIC alone.
var azureWire = netip.MustParsePrefix("168.63.129.16/32")

// PrimaryNIC returns the MAC address of the NIC that needs no rules; empty if nobody
// knows. indexes are MatchNICs', and links have their routes of the main table. It is
// the NIC with the route to the platform on Azure, which names none; else the one that
// the cloud names; else that of the best default route.
func PrimaryNIC(told hostnet.Metadata, indexes map[string]int, links map[int]hostnet.LinkFacts) string {
	macs := map[int]string{}
	for mac, index := range indexes {
		macs[index] = mac
	}
	byIndex := slices.Sorted(maps.Keys(macs))
	if told.System.Provider == "azure" {
		for _, index := range byIndex {
			if slices.ContainsFunc(links[index].Routes, func(r hostnet.Route) bool { return r.Destination == azureWire }) {
				return macs[index]
			}
		}
	}
	for _, nic := range told.NICs {
		if nic.Primary {
			return nic.MAC
		}
	}
	best, found := uint32(0), ""
	for _, index := range byIndex {
		for _, r := range links[index].Routes {
			if r.IsDefault() && (found == "" || r.Metric < best) {
				best, found = r.Metric, macs[index]
			}
		}
	}
	return found
}
