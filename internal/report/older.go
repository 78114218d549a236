package report

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// What cloud-network-setup served of the instance, for programs that ask for it.
// The keys and their form are its own: texts, where JSON has numbers. It had all
// that the metadata says, user data included; of that, these have what netbrk
// knows, and a key without a value is absent. Clouds that it did not know have the
// facts in netbrk's own form.

// OlderSystem is the document of the instance.
func OlderSystem(s hostnet.System, nics []CloudLink) any {
	switch s.Provider {
	case "aws":
		return olderEC2(s, nics)
	case "azure":
		return olderAzure(s, nics)
	case "gcp":
		return olderGCP(s, nics)
	}
	return s
}

// OlderNetwork is the document of the NICs. For Azure and Google it is that of the
// instance, which has both.
func OlderNetwork(s hostnet.System, nics []CloudLink) any {
	switch s.Provider {
	case "aws":
		macs := map[string]OlderEC2NIC{}
		for _, l := range nics {
			macs[l.NIC.MAC] = olderEC2NIC(l.NIC, s)
		}
		return macs
	case "azure", "gcp":
		return OlderSystem(s, nics)
	}
	return append([]CloudLink{}, nics...)
}

// OlderEC2 has the keys of the metadata's tree.
type OlderEC2 struct {
	ImageID       string `json:"ami-id,omitempty"`
	Hostname      string `json:"hostname,omitempty"`
	InstanceID    string `json:"instance-id,omitempty"`
	Lifecycle     string `json:"instance-life-cycle,omitempty"`
	InstanceType  string `json:"instance-type,omitempty"`
	LocalHostname string `json:"local-hostname,omitempty"`
	LocalIPv4     string `json:"local-ipv4,omitempty"`
	MAC           string `json:"mac,omitempty"`
	Placement     struct {
		Zone   string `json:"availability-zone,omitempty"`
		Region string `json:"region,omitempty"`
	} `json:"placement"`
	PublicIPv4 string            `json:"public-ipv4,omitempty"`
	PublicKeys map[string]string `json:"public-keys,omitempty"`
}

// OlderEC2NIC is a network interface, by its MAC.
type OlderEC2NIC struct {
	DeviceNumber  string `json:"device-number"`
	InterfaceID   string `json:"interface-id,omitempty"`
	LocalHostname string `json:"local-hostname,omitempty"`
	LocalIPv4s    string `json:"local-ipv4s,omitempty"` // with commas between
	IPv6s         string `json:"ipv6s,omitempty"`
	MAC           string `json:"mac"`
	PublicIPv4s   string `json:"public-ipv4s,omitempty"`
	Subnet        string `json:"subnet-ipv4-cidr-block,omitempty"`
	// Associations tell which private address a public one is mapped to.
	Associations map[string]string `json:"ipv4-associations,omitempty"`
}

func olderEC2(s hostnet.System, nics []CloudLink) OlderEC2 {
	doc := OlderEC2{
		ImageID: s.Image, Hostname: s.Hostname, InstanceID: s.InstanceID, Lifecycle: s.Lifecycle,
		InstanceType: s.Type, LocalHostname: s.Hostname, PublicIPv4: s.PublicIPv4,
	}
	doc.Placement.Zone, doc.Placement.Region = s.Zone, s.Region
	for i, key := range s.SSHKeys {
		if doc.PublicKeys == nil {
			doc.PublicKeys = map[string]string{}
		}
		// The list has "0=NAME"; the name is not kept, and mostly the key's comment.
		name := strconv.Itoa(i)
		if fields := strings.Fields(key); len(fields) > 2 {
			name += "=" + fields[2]
		}
		doc.PublicKeys[name] = key
	}
	for _, l := range nics {
		if four := addresses(l.NIC, netip.Addr.Is4); l.NIC.Primary {
			doc.MAC = l.NIC.MAC
			if len(four) > 0 {
				doc.LocalIPv4 = four[0].Addr.String()
			}
		}
	}
	return doc
}

func olderEC2NIC(n hostnet.NIC, s hostnet.System) OlderEC2NIC {
	doc := OlderEC2NIC{DeviceNumber: strconv.Itoa(n.Device), InterfaceID: n.ID, MAC: n.MAC}
	if n.Primary {
		doc.LocalHostname = s.Hostname
	}
	var four, six, public []string
	for _, a := range addresses(n, netip.Addr.IsValid) {
		if a.Addr.Is6() {
			six = append(six, a.Addr.String())
			continue
		}
		four = append(four, a.Addr.String())
		if a.Public.IsValid() {
			public = append(public, a.Public.String())
			if doc.Associations == nil {
				doc.Associations = map[string]string{}
			}
			doc.Associations[a.Public.String()] = a.Addr.String()
		}
	}
	doc.LocalIPv4s, doc.IPv6s, doc.PublicIPv4s = strings.Join(four, ","), strings.Join(six, ","), strings.Join(public, ",")
	if subnet := subnet4(n); subnet.IsValid() {
		doc.Subnet = subnet.String()
	}
	return doc
}

// addresses are those of a family.
func addresses(n hostnet.NIC, family func(netip.Addr) bool) []hostnet.CloudAddress {
	var found []hostnet.CloudAddress
	for _, a := range n.Addresses {
		if family(a.Addr) {
			found = append(found, a)
		}
	}
	return found
}

// subnet4 is the IPv4 subnet of a NIC, not valid for none.
func subnet4(n hostnet.NIC) netip.Prefix {
	for _, p := range n.Subnets {
		if p.Addr().Is4() {
			return p
		}
	}
	return netip.Prefix{}
}

// mask is a prefix length as a netmask.
func mask(bits int) string {
	word := ^uint32(0) << (32 - bits)
	return netip.AddrFrom4([4]byte{byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)}).String()
}
