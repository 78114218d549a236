package hetzner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// attachment is an entry of private-networks.
type attachment struct {
	IP        cloud.Text `json:"ip"`
	Number    cloud.Text `json:"interface_num"`
	MAC       cloud.Text `json:"mac_address"`
	NetworkID cloud.Text `json:"network_id"`
	Network   cloud.Text `json:"network"`
	Gateway   cloud.Text `json:"gateway"`
	// Aliases is nil where the key is absent, which is not the same as none.
	Aliases json.RawMessage `json:"alias_ips"`
}

// unnumbered comes after all numbers.
const unnumbered = math.MaxInt

// parseAttachments returns the private NICs by their numbers; the service lists
// them in any order. The first can be the primary one, if that is known.
func parseAttachments(answers cloud.Answers, primary bool, gaps *cloud.Gaps) []hostnet.NIC {
	var list []json.RawMessage
	if !answers.Has(private) || decode(answers.Bodies[private], &list) != nil {
		gaps.Add("private-networks")
	}
	numbers := map[string]int{}
	var nics []hostnet.NIC
	for i, raw := range list {
		n, number := parseAttachment(raw)
		if n.MAC == "" {
			gaps.Add(fmt.Sprintf("private-networks[%d].mac_address", i))
			primary = false
			continue
		}
		primary = primary && (number != unnumbered || len(list) == 1)
		numbers[n.MAC] = number
		nics = append(nics, n)
	}
	slices.SortStableFunc(nics, func(a, b hostnet.NIC) int { return cmp.Compare(numbers[a.MAC], numbers[b.MAC]) })
	if len(nics) > 0 {
		nics[0].Primary = primary
	}
	return nics
}

// parseAttachment returns a NIC without a MAC where that cannot be read, and its
// number. DHCP hands out the address as /32, and no neighbour is on the link: the
// network, of which "subnet" is a part, is reached by way of the gateway alone.
// Thus the NIC has a route and no subnet.
func parseAttachment(raw []byte) (hostnet.NIC, int) {
	var doc attachment
	var gaps cloud.Gaps
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add(odd)
	}
	n := hostnet.NIC{
		MAC:      gaps.MAC("mac_address", string(doc.MAC)),
		ID:       cloud.ParseFact(string(doc.NetworkID)),
		Gateway4: gaps.Gateway("gateway", string(doc.Gateway), netip.Addr.Is4),
	}
	networks := gaps.Prefixes4("network", []string{string(doc.Network)})
	switch {
	case !n.Gateway4.IsValid():
		gaps.Add("gateway")
	case len(networks) == 0:
		gaps.Add("network")
	default:
		n.Routes = []hostnet.CloudRoute{{Destination: networks[0], Gateway: n.Gateway4}}
	}
	n.Addresses = doc.addresses(&gaps)
	n.Missing = gaps
	number, err := strconv.Atoi(string(doc.Number))
	if err != nil {
		number = unnumbered
	}
	return n, number
}

func (a attachment) addresses(gaps *cloud.Gaps) []hostnet.CloudAddress {
	ip := gaps.Addr4("ip", string(a.IP))
	if !ip.IsValid() {
		gaps.Add("ip")
		return nil
	}
	var texts cloud.Texts
	if len(a.Aliases) == 0 || json.Unmarshal(a.Aliases, &texts) != nil {
		gaps.Add("alias_ips")
	}
	aliases := gaps.Addrs4("alias_ips", texts)
	aliases = slices.DeleteFunc(aliases, func(alias netip.Addr) bool { return alias == ip })
	found := cloud.Addresses(append([]netip.Addr{ip}, aliases...), nil)
	for i := range found {
		found[i].Bits = ip.BitLen()
	}
	return found
}
