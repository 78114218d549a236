package imdstest

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderOpenStack is the metadata service of Nova. A primary address that is not
// Static is DHCP's, and of IPv4 not told.
func renderOpenStack(told hostnet.Metadata, r *http.Request) Answer {
	switch r.URL.Path {
	case "/openstack", "/openstack/":
		return tellText("2012-08-10\n2015-10-15\n2018-08-27\nlatest")
	case "/openstack/latest/meta_data.json":
		return tellJSON(openStackMeta(told.System))
	case "/openstack/latest/network_data.json":
		return tellJSON(openStackNetwork(told.NICs))
	}
	return refuse(http.StatusNotFound)
}

func openStackMeta(sys hostnet.System) map[string]any {
	names := map[string]string{}
	keys := []any{}
	for i, key := range sys.SSHKeys {
		name := fmt.Sprintf("key-%02d", i)
		names[name] = key + "\n"
		keys = append(keys, map[string]string{"name": name, "type": "ssh", "data": key + "\n"})
	}
	return map[string]any{
		"uuid": sys.InstanceID, "name": sys.Name, "hostname": sys.Hostname, "availability_zone": sys.Zone,
		"project_id": sys.Account, "launch_index": 0, "public_keys": names, "keys": keys, "devices": []any{},
		// What is never to be kept is there to be found.
		"admin_pass": Secret, "random_seed": Secret, "meta": map[string]string{"token": Secret},
	}
}

func openStackNetwork(nics []hostnet.NIC) map[string]any {
	links, networks := []any{}, []any{}
	for i, nic := range nics {
		id := fmt.Sprintf("tap%d", i)
		entry := map[string]any{"id": id, "type": "ovs", "ethernet_mac_address": nic.MAC, "mtu": nil}
		if nic.ID != "" {
			entry["vif_id"] = nic.ID
		}
		if nic.MTUBytes > 0 {
			entry["mtu"] = nic.MTUBytes
		}
		links = append(links, entry)
		for _, network := range append(openStackIPv4(nic), openStackIPv6(nic)...) {
			network["id"], network["link"] = fmt.Sprintf("network%d", len(networks)), id
			networks = append(networks, network)
		}
	}
	return map[string]any{"links": links, "networks": networks, "services": []any{}}
}

// openStackIPv4 leaves the primary address to DHCP where the NIC is not Static.
func openStackIPv4(nic hostnet.NIC) []map[string]any {
	var networks []map[string]any
	served := !nic.Static && len(nic.Addresses) == 0
	for _, a := range nic.Addresses {
		if !a.Addr.Is4() {
			continue
		}
		served = served || !nic.Static
		if nic.Static || a.Role != hostnet.RolePrimary {
			networks = append(networks, openStackAddress("ipv4", nic, a))
		}
	}
	addRoutes(networks, nic, nic.Gateway4, netip.IPv4Unspecified())
	if served {
		networks = append(networks, map[string]any{"type": "ipv4_dhcp"})
	}
	return networks
}

// openStackIPv6 tells of every address, and which of them is advertised.
func openStackIPv6(nic hostnet.NIC) []map[string]any {
	var networks []map[string]any
	hidden := true // until a primary address is told
	for _, a := range nic.Addresses {
		if !a.Addr.Is6() {
			continue
		}
		kind := "ipv6"
		if a.Role == hostnet.RolePrimary && !nic.Static {
			kind = "ipv6_slaac"
		}
		hidden = hidden && a.Role != hostnet.RolePrimary
		networks = append(networks, openStackAddress(kind, nic, a))
	}
	addRoutes(networks, nic, nic.Gateway6, netip.IPv6Unspecified())
	if hidden && len(networks) > 0 {
		networks = append(networks, map[string]any{"type": "ipv6_dhcp"})
	}
	return networks
}

func openStackAddress(kind string, nic hostnet.NIC, a hostnet.CloudAddress) map[string]any {
	return map[string]any{
		"type": kind, "ip_address": a.Addr.String(), "netmask": netmask(subnetOf(nic, a)), "routes": []any{}, "services": []any{},
	}
}

// addRoutes gives the routes of a family to the first of its networks.
func addRoutes(networks []map[string]any, nic hostnet.NIC, gateway, anything netip.Addr) {
	if len(networks) == 0 {
		return
	}
	routes := []any{}
	if gateway.IsValid() {
		everything := netip.PrefixFrom(anything, 0)
		routes = append(routes, openStackRoute(everything, gateway))
	}
	for _, r := range nic.Routes {
		if r.Destination.Addr().Is4() == anything.Is4() {
			routes = append(routes, openStackRoute(r.Destination, r.Gateway))
		}
	}
	networks[0]["routes"] = routes
}

func openStackRoute(destination netip.Prefix, gateway netip.Addr) map[string]any {
	return map[string]any{"network": destination.Addr().String(), "netmask": netmask(destination), "gateway": gateway.String()}
}
