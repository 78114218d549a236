package imdstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderHetzner is the metadata service of Hetzner Cloud. The primary NIC is the
// public one, unless it has routes, as private NICs have. Of a private NIC,
// addresses beside the first are aliases.
func renderHetzner(told hostnet.Metadata, r *http.Request) Answer {
	switch path := strings.TrimPrefix(r.URL.Path, "/hetzner/v1/"); path {
	case "userdata":
		return Answer{Status: http.StatusNoContent}
	case "metadata":
		return tellText(hetznerMetadata(told))
	case "metadata/private-networks":
		return tellText(hetznerPrivate(told.NICs))
	case "metadata/public-keys":
		return tellJSON(told.System.SSHKeys)
	default:
		leaf, ok := hetznerLeaves(told.System)[strings.TrimPrefix(path, "metadata/")]
		if !ok || !strings.HasPrefix(path, "metadata/") {
			return refuse(http.StatusNotFound)
		}
		return tellText(leaf)
	}
}

func hetznerLeaves(sys hostnet.System) map[string]string {
	return map[string]string{
		"availability-zone": sys.Zone, "hostname": sys.Hostname, "instance-id": sys.InstanceID,
		"local-ipv4": "", "public-ipv4": sys.PublicIPv4, "region": sys.Region,
	}
}

func hetznerMetadata(told hostnet.Metadata) string {
	var b strings.Builder
	sys := told.System
	fmt.Fprintf(&b, "availability-zone: %s\nhostname: %s\ninstance-id: %s\nlocal-ipv4: ''\n", sys.Zone, quoted(sys.Hostname), sys.InstanceID)
	fmt.Fprintf(&b, "network-config:\n  config:%s\n  version: 1\n", hetznerConfig(told.NICs))
	fmt.Fprintf(&b, "public-ipv4: %s\npublic-keys:", sys.PublicIPv4)
	for _, key := range sys.SSHKeys {
		fmt.Fprintf(&b, "\n- %s", quoted(key))
	}
	// What is never to be kept is there to be found.
	fmt.Fprintf(&b, "\nregion: %s\nvendor_data: |\n  #cloud-config\n  password: %s\n", sys.Region, Secret)
	return b.String()
}

// quoted writes a text as JSON does, which YAML takes.
func quoted(text string) string {
	raw, _ := json.Marshal(text) // a text always has a form
	return string(raw)
}

func hetznerPublic(nic hostnet.NIC) bool { return nic.Primary && len(nic.Routes) == 0 }

func hetznerConfig(nics []hostnet.NIC) string {
	var b strings.Builder
	for _, nic := range nics {
		if !hetznerPublic(nic) {
			continue
		}
		fmt.Fprintf(&b, "\n  - mac_address: %s\n    name: eth0\n    subnets:", nic.MAC)
		for _, a := range nic.Addresses {
			if a.Addr.Is4() {
				b.WriteString("\n    - ipv4: true\n      type: dhcp")
				continue
			}
			fmt.Fprintf(&b, "\n    - address: %s/%d\n      dns_nameservers:\n      - 2001:db8::53\n", a.Addr, subnetOf(nic, a).Bits())
			fmt.Fprintf(&b, "      gateway: %s\n      ipv6: true\n      type: static", toldText(nic.Gateway6))
		}
		b.WriteString("\n    type: physical")
	}
	if b.Len() == 0 {
		return " []"
	}
	return b.String()
}

func hetznerPrivate(nics []hostnet.NIC) string {
	var b strings.Builder
	for i, nic := range nics {
		if hetznerPublic(nic) || len(nic.Addresses) == 0 {
			continue
		}
		first := nic.Addresses[0]
		network := subnetOf(nic, first)
		if len(nic.Routes) > 0 {
			network = nic.Routes[0].Destination
		}
		fmt.Fprintf(&b, "- ip: %s\n  alias_ips: [%s]\n  interface_num: %d\n", first.Addr, strings.Join(aliases(nic), ", "), i+1)
		fmt.Fprintf(&b, "  mac_address: %s\n  network_id: %s\n  network_name: backend\n", nic.MAC, nic.ID)
		fmt.Fprintf(&b, "  network: %s\n  subnet: %s\n  gateway: %s\n", network, network, toldText(hetznerGateway(nic, network)))
	}
	if b.Len() == 0 {
		return "[]\n"
	}
	return b.String()
}

func aliases(nic hostnet.NIC) []string {
	var texts []string
	for _, a := range nic.Addresses[1:] {
		texts = append(texts, a.Addr.String())
	}
	return texts
}

// hetznerGateway is the first host of the network, unless told otherwise.
func hetznerGateway(nic hostnet.NIC, network netip.Prefix) netip.Addr {
	if nic.Gateway4.IsValid() {
		return nic.Gateway4
	}
	return network.Addr().Next()
}
