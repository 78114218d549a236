package imdstest

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderDigitalOcean is the metadata service of DigitalOcean. The primary NIC is
// the public one; what the cloud has no key for, such as secondary addresses, is
// not told.
func renderDigitalOcean(told hostnet.Metadata, r *http.Request) Answer {
	if r.URL.Path != "/metadata/v1.json" {
		return refuse(http.StatusNotFound)
	}
	return tellJSON(map[string]any{
		"droplet_id":  json.RawMessage(number(told.System.InstanceID)),
		"hostname":    told.System.Hostname,
		"region":      told.System.Region,
		"public_keys": told.System.SSHKeys,
		"tags":        strings.FieldsFunc(detailOf(told.System, "tags"), func(r rune) bool { return r == ',' || r == ' ' }),
		"features":    map[string]any{"dhcp_enabled": false},
		"dns":         map[string]any{"nameservers": []string{"203.0.113.2", "203.0.113.3"}},
		"reserved_ip": digitalOceanReserved(told),
		"interfaces":  digitalOceanInterfaces(told.NICs),
		// What is never to be kept is there to be found.
		"auth_key":    Secret,
		"user_data":   Secret,
		"vendor_data": Secret,
	})
}

// number writes an id as the number that it is, or as a text.
func number(id string) string {
	if id != "" && strings.Trim(id, "0123456789") == "" {
		return id
	}
	text, _ := json.Marshal(id) // a text always has a form
	return string(text)
}

func digitalOceanReserved(told hostnet.Metadata) map[string]any {
	four := ""
	for _, nic := range told.NICs {
		for _, a := range nic.Addresses {
			if a.Role == hostnet.RoleAnchor {
				four = toldText(a.Public)
			}
		}
	}
	six := detailOf(told.System, "reserved IPv6")
	return map[string]any{
		"ipv4": map[string]any{"active": four != "", "ip_address": four},
		"ipv6": map[string]any{"active": six != "", "ip_address": six},
	}
}

func digitalOceanInterfaces(nics []hostnet.NIC) map[string]any {
	kinds := map[string]any{}
	for _, kind := range []string{"public", "private"} {
		list := []any{}
		for _, nic := range nics {
			if nic.Primary == (kind == "public") {
				list = append(list, digitalOceanNIC(nic, kind))
			}
		}
		kinds[kind] = list
	}
	return kinds
}

func digitalOceanNIC(nic hostnet.NIC, kind string) map[string]any {
	entry := map[string]any{"mac": nic.MAC, "type": kind}
	for _, a := range nic.Addresses {
		subnet := subnetOf(nic, a)
		switch {
		case a.Role == hostnet.RoleAnchor:
			entry["anchor_ipv4"] = digitalOceanIPv4(a.Addr, subnet, subnet.Addr().Next())
		case a.Role != hostnet.RolePrimary:
		case a.Addr.Is4():
			entry["ipv4"] = digitalOceanIPv4(a.Addr, subnet, nic.Gateway4)
		default:
			entry["ipv6"] = map[string]any{
				"ip_address": strings.ToUpper(a.Addr.StringExpanded()), "cidr": subnet.Bits(), "gateway": expanded(nic.Gateway6),
			}
		}
	}
	return entry
}

func digitalOceanIPv4(addr netip.Addr, subnet netip.Prefix, gateway netip.Addr) map[string]any {
	if !gateway.IsValid() {
		gateway = netip.IPv4Unspecified()
	}
	return map[string]any{"ip_address": addr.String(), "netmask": netmask(subnet), "gateway": gateway.String()}
}

func expanded(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return strings.ToUpper(a.StringExpanded())
}
