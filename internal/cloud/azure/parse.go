package azure

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// document is what is used of it, and all that is kept: osProfile.customData and
// userData have no field here.
type document struct {
	Compute compute `json:"compute"`
	Network struct {
		// Interface is decoded one by one, so that a NIC in doubt leaves the others
		// as they are.
		Interface []json.RawMessage `json:"interface"`
	} `json:"network"`
}

type nic struct {
	MAC  cloud.Text `json:"macAddress"`
	IPv4 family     `json:"ipv4"`
	IPv6 family     `json:"ipv6"`
}

type family struct {
	Addresses []struct {
		Private cloud.Text `json:"privateIpAddress"`
		Public  cloud.Text `json:"publicIpAddress"`
	} `json:"ipAddress"`
	Subnets []struct {
		Address cloud.Text `json:"address"`
		Prefix  cloud.Text `json:"prefix"`
	} `json:"subnet"`
}

// Parse reads the document of /metadata/instance. The first NIC is called the
// primary one, as a fallback: Azure promises no order and marks none, and the one
// that holds the route to 168.63.129.16 is better known on the host.
func Parse(raw []byte) (hostnet.Metadata, error) {
	var doc document
	odd, err := cloud.Decode(raw, &doc)
	if err != nil {
		return hostnet.Metadata{}, fmt.Errorf("reading %q: %w", "instance", err)
	}
	var gaps cloud.Gaps
	if odd != "" {
		gaps.Add(odd)
	}
	m := hostnet.Metadata{System: doc.Compute.system()}
	for i, raw := range doc.Network.Interface {
		n := parseNIC(raw)
		if n.MAC == "" {
			gaps.Add(fmt.Sprintf("network.interface[%d].macAddress", i))
			continue
		}
		n.Primary = i == 0
		m.NICs = append(m.NICs, n)
	}
	m.System.PublicIPv4 = publicIPv4(m.NICs)
	m.Missing = gaps
	m.NICs, err = cloud.Distinct("network.interface", m.NICs)
	return m, err
}

// parseNIC returns a NIC without a MAC where that cannot be read. FirstHost, as
// Azure keeps the first host of each subnet for its gateway and tells none.
func parseNIC(raw []byte) hostnet.NIC {
	var doc nic
	var gaps cloud.Gaps
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add(cmp.Or(odd, "network.interface"))
	}
	n := hostnet.NIC{MAC: gaps.MAC("macAddress", string(doc.MAC))}
	subnets := gaps.Prefixes4("ipv4.subnet", doc.IPv4.subnets())
	n.FirstHost = len(subnets) > 0
	n.Subnets = append(subnets, gaps.Prefixes6("ipv6.subnet", doc.IPv6.subnets())...)
	n.Addresses = append(
		doc.IPv4.addresses("ipv4.ipAddress", &gaps, gaps.Addr4, n.Subnets),
		doc.IPv6.addresses("ipv6.ipAddress", &gaps, gaps.Addr6, n.Subnets)...)
	checkNIC(n, &gaps)
	n.Missing = gaps
	return n
}

// checkNIC notes what a NIC must have. A NIC that Azure has not set up yet lists
// neither addresses nor a subnet.
func checkNIC(n hostnet.NIC, gaps *cloud.Gaps) {
	if len(n.Addresses) == 0 {
		gaps.Add("ipv4.ipAddress")
	}
	for _, a := range n.Addresses {
		if a.Addr.Is4() && a.Bits == 0 {
			gaps.Add("ipv4.subnet")
		}
	}
}

func (f family) subnets() []string {
	var texts []string
	for _, s := range f.Subnets {
		if s.Address != "" || s.Prefix != "" {
			texts = append(texts, string(s.Address+"/"+s.Prefix))
		}
	}
	return texts
}

// addresses of a family, primary first. An entry without an address is a gap: were
// it the first, another one would be taken for the primary.
func (f family) addresses(key string, gaps *cloud.Gaps, read func(key, text string) netip.Addr, subnets []netip.Prefix) []hostnet.CloudAddress {
	var addrs []netip.Addr
	public := map[netip.Addr]netip.Addr{}
	for _, entry := range f.Addresses {
		addr := read(key, string(entry.Private))
		if !addr.IsValid() {
			gaps.Add(key)
			continue
		}
		if slices.Contains(addrs, addr) {
			continue
		}
		addrs = append(addrs, addr)
		public[addr] = read(key+".publicIpAddress", string(entry.Public))
	}
	found := cloud.Addresses(addrs, subnets)
	for i := range found {
		found[i].Public = public[found[i].Addr]
	}
	return found
}

func publicIPv4(nics []hostnet.NIC) string {
	for _, n := range nics {
		for _, a := range n.Addresses {
			if a.Public.Is4() {
				return a.Public.String()
			}
		}
	}
	return ""
}
