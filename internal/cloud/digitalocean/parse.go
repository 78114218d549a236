package digitalocean

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// droplet is what is used of the document.
type droplet struct {
	ID         cloud.Text  `json:"droplet_id"`
	Hostname   cloud.Text  `json:"hostname"`
	Region     cloud.Text  `json:"region"`
	PublicKeys cloud.Texts `json:"public_keys"`
	Tags       cloud.Texts `json:"tags"`
	// NICs are decoded one by one, so that one in doubt leaves the others as they
	// are; and so are the addresses that are none of a NIC's.
	Interfaces struct {
		Public  []json.RawMessage `json:"public"`
		Private []json.RawMessage `json:"private"`
	} `json:"interfaces"`
	Reserved json.RawMessage `json:"reserved_ip"`
	Floating json.RawMessage `json:"floating_ip"`
}

// Parse reads the document. The first public NIC is the primary one. Without any,
// only one that is alone can be called that: which of several private ones has
// the default route is not told.
func Parse(raw []byte) (hostnet.Metadata, error) {
	var doc droplet
	if err := cloud.DecodeWhole(raw, &doc); err != nil {
		return hostnet.Metadata{}, fmt.Errorf("reading %q: %w", document, err)
	}
	var gaps cloud.Gaps
	public := parseNICs("interfaces.public", doc.Interfaces.Public, true, &gaps)
	alone := len(doc.Interfaces.Public) == 0 && len(doc.Interfaces.Private) == 1
	private := parseNICs("interfaces.private", doc.Interfaces.Private, alone, &gaps)
	outside := doc.reserved(&gaps)
	mapReserved(public, outside.IPv4.addr4("reserved_ip.ipv4", &gaps))
	m := hostnet.Metadata{System: doc.system(public, outside, &gaps)}
	m.Missing = gaps
	var err error
	m.NICs, err = cloud.Distinct("mac", append(public, private...))
	return m, err
}

// parseNICs leaves out a NIC without a MAC: it could be any. The first can be the
// primary one.
func parseNICs(key string, raw []json.RawMessage, primary bool, gaps *cloud.Gaps) []hostnet.NIC {
	var nics []hostnet.NIC
	for i, raw := range raw {
		n := parseNIC(raw)
		if n.MAC == "" {
			gaps.Add(fmt.Sprintf("%s[%d].mac", key, i))
			continue
		}
		n.Primary = primary && i == 0
		nics = append(nics, n)
	}
	return nics
}

// reserved_ip is floating_ip's newer name. Addresses that are not active are not
// delivered to the droplet.
func (d droplet) reserved(gaps *cloud.Gaps) reserved {
	var found reserved
	for _, of := range []struct {
		key string
		raw json.RawMessage
	}{{"floating_ip", d.Floating}, {"reserved_ip", d.Reserved}} {
		if len(of.raw) == 0 {
			continue
		}
		if odd, err := cloud.Decode(of.raw, &found); odd != "" || err != nil {
			gaps.Add(of.key)
		}
	}
	return found
}

type reserved struct {
	IPv4 outside `json:"ipv4"`
	IPv6 outside `json:"ipv6"`
}

type outside struct {
	Active  cloud.Text `json:"active"`
	Address cloud.Text `json:"ip_address"`
}

func (o outside) addr4(key string, gaps *cloud.Gaps) netip.Addr {
	if o.Active != "true" {
		return netip.Addr{}
	}
	return gaps.Addr4(key, string(o.Address))
}

func (o outside) addr6(key string, gaps *cloud.Gaps) netip.Addr {
	if o.Active != "true" {
		return netip.Addr{}
	}
	return gaps.Addr6(key, string(o.Address))
}

// mapReserved notes the reserved address with the anchor: what is sent to the one
// arrives at the other.
func mapReserved(public []hostnet.NIC, addr netip.Addr) {
	for _, n := range public {
		for i := range n.Addresses {
			if n.Addresses[i].Role == hostnet.RoleAnchor {
				n.Addresses[i].Public = addr
				return
			}
		}
	}
}
