package gcp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

type nic struct {
	MAC           cloud.Text `json:"mac"`
	IP            cloud.Text `json:"ip"`
	Gateway       cloud.Text `json:"gateway"`
	MTU           cloud.Text `json:"mtu"`
	AccessConfigs []struct {
		ExternalIP cloud.Text `json:"externalIp"`
	} `json:"accessConfigs"`
	Aliases    cloud.Texts `json:"ipAliases"`
	Forwarded  cloud.Texts `json:"forwardedIps"`
	Forwarded6 cloud.Texts `json:"forwardedIpv6s"`
	Targets    cloud.Texts `json:"targetInstanceIps"`
	IPv6       cloud.Texts `json:"ipv6"`
	IPv6s      cloud.Texts `json:"ipv6s"`
	Gateway6   cloud.Text  `json:"gatewayIpv6"`
}

// Parse reads the answers to Fetch's keys. The first NIC is the primary one. SSH
// keys that have expired by now are left out.
func Parse(a cloud.Answers, now time.Time) (hostnet.Metadata, error) {
	var docs []json.RawMessage
	if _, err := cloud.Decode(a.Bodies[nicsKey], &docs); err != nil {
		return hostnet.Metadata{}, fmt.Errorf("reading %q: %w", nicsKey, err)
	}
	var gaps cloud.Gaps
	m := hostnet.Metadata{System: system(a, now, &gaps)}
	for i, raw := range docs {
		n := parseNIC(raw)
		if n.MAC == "" {
			gaps.Add(fmt.Sprintf("networkInterfaces[%d].mac", i))
			continue
		}
		if n.Primary = i == 0; n.Primary {
			m.System.PublicIPv4 = publicIPv4(n)
		}
		m.NICs = append(m.NICs, n)
	}
	m.Missing = gaps
	var err error
	m.NICs, err = cloud.Distinct("networkInterfaces", m.NICs)
	return m, err
}

// parseNIC returns a NIC without a MAC where that cannot be read.
func parseNIC(raw []byte) hostnet.NIC {
	var doc nic
	var gaps cloud.Gaps
	if odd, err := cloud.Decode(raw, &doc); odd != "" || err != nil {
		gaps.Add(cmp.Or(odd, "networkInterfaces"))
	}
	n := hostnet.NIC{
		MAC:       gaps.MAC("mac", string(doc.MAC)),
		Addresses: doc.addresses(&gaps),
		Ranges:    doc.ranges(&gaps),
		Gateway4:  gaps.Addr4("gateway", string(doc.Gateway)),
		Gateway6:  gaps.Addr6("gatewayIpv6", string(doc.Gateway6)),
		MTUBytes:  gaps.MTU("mtu", string(doc.MTU)),
	}
	if len(n.Addresses) == 0 {
		gaps.Add("ip")
	}
	n.Missing = gaps
	return n
}

// addresses have full length, as DHCP hands them out. The subnet, whose mask is
// in subnetmask, is not on the link: a guest without MULTI_IP_SUBNET gets an
// answer to ARP from the gateway alone, and sends all else through it.
func (doc nic) addresses(gaps *cloud.Gaps) []hostnet.CloudAddress {
	addrs := append(
		gaps.Addrs4("ip", []string{string(doc.IP)}),
		gaps.Addrs6("ipv6s", doc.ipv6s())...)
	found := cloud.Addresses(addrs, nil)
	for i := range found {
		found[i].Bits = found[i].Addr.BitLen()
	}
	if len(doc.AccessConfigs) > 0 {
		public := gaps.Addr4("accessConfigs.externalIp", string(doc.AccessConfigs[0].ExternalIP))
		if len(found) > 0 && found[0].Addr.Is4() {
			found[0].Public = public
		}
	}
	return found
}

// ipv6s are the addresses. An older server tells only the /96 that is the NIC's,
// the first address of which is handed out by DHCPv6.
func (doc nic) ipv6s() []string {
	if len(doc.IPv6s) > 0 {
		return doc.IPv6s
	}
	var texts []string
	for _, text := range doc.IPv6 {
		addr, _, _ := strings.Cut(text, "/")
		texts = append(texts, addr)
	}
	return texts
}

func (doc nic) ranges(gaps *cloud.Gaps) []hostnet.CloudRange {
	var found []hostnet.CloudRange
	for _, r := range []struct {
		kind     string
		prefixes []netip.Prefix
	}{
		{"alias", gaps.Prefixes("ipAliases", doc.Aliases)},
		{"forwarded", gaps.Prefixes("forwardedIps", doc.Forwarded)},
		{"forwarded", gaps.Prefixes("forwardedIpv6s", doc.Forwarded6)},
		{"target", gaps.Prefixes("targetInstanceIps", doc.Targets)},
	} {
		found = cloud.AddRanges(found, r.kind, r.prefixes)
	}
	return found
}

func publicIPv4(n hostnet.NIC) string {
	if len(n.Addresses) > 0 && n.Addresses[0].Public.IsValid() {
		return n.Addresses[0].Public.String()
	}
	return ""
}
