package imdstest

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderOracle is version 2 of Oracle Cloud's service; version 1 is off. The
// whole instance, user data included, is there as well as each of its keys.
func renderOracle(told hostnet.Metadata, r *http.Request) Answer {
	switch authorization := r.Header.Get("Authorization"); {
	case !strings.HasPrefix(r.URL.Path, "/opc/v2/"):
		return refuse(http.StatusNotFound)
	case authorization == "":
		return refuse(http.StatusBadRequest)
	case authorization != "Bearer Oracle":
		return refuse(http.StatusUnauthorized)
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/opc/v2/"); path {
	case "vnics/", "vnics":
		return tellJSON(oracleVNICs(told))
	case "instance/", "instance":
		return tellJSON(oracleInstance(told.System))
	default:
		keys := oracleInstance(told.System)
		for name, value := range oracleMetadata(told.System) {
			keys["metadata/"+name] = value
		}
		if value, ok := keys[strings.TrimPrefix(path, "instance/")].(string); ok && value != "" {
			return tellText(value)
		}
		return refuse(http.StatusNotFound)
	}
}

func oracleInstance(system hostnet.System) map[string]any {
	return map[string]any{
		"id": system.InstanceID, "displayName": system.Name, "hostname": system.Hostname, "shape": system.Type,
		"image": system.Image, "region": system.Region, "canonicalRegionName": system.Region, "availabilityDomain": system.Zone,
		"ociAdName": strings.ToLower(system.Zone), "faultDomain": detailOf(system, "fault domain"),
		"compartmentId": detailOf(system, "compartment"), "tenantId": system.Account, "state": "Running",
		"timeCreated": 1767323045000, "metadata": oracleMetadata(system),
	}
}

// oracleMetadata is what the owner gave.
func oracleMetadata(system hostnet.System) map[string]string {
	return map[string]string{"ssh_authorized_keys": strings.Join(system.SSHKeys, "\n"), "user_data": Secret}
}

func oracleVNICs(told hostnet.Metadata) []any {
	vnics := []any{}
	for i, nic := range primaryFirst(told.NICs) {
		vnics = append(vnics, oracleVNIC(nic, i))
	}
	return vnics
}

// oracleVNIC has "<null>" where there is no IPv4, and nothing of IPv6 where there
// is none. Of several IPv4 addresses the first alone is told.
func oracleVNIC(nic hostnet.NIC, i int) any {
	document := map[string]any{
		"vnicId": nic.ID, "macAddr": strings.ToUpper(nic.MAC), "vlanTag": 100 + i,
		"privateIp": "<null>", "virtualRouterIp": "<null>", "subnetCidrBlock": "<null>",
	}
	set := func(key, value string) {
		if value != "" {
			document[key] = value
		}
	}
	if four := told4(nic); len(four) > 0 {
		set("privateIp", four[0].Addr.String())
		set("subnetCidrBlock", toldText(toldSubnet(nic, netip.Addr.Is4)))
		set("virtualRouterIp", toldText(nic.Gateway4))
	}
	if six := told6(nic); len(six) > 0 {
		document["ipv6Addresses"] = toldTexts(six)
		set("ipv6SubnetCidrBlock", toldText(toldSubnet(nic, netip.Addr.Is6)))
		set("ipv6VirtualRouterIp", toldText(nic.Gateway6))
	}
	if !nic.Primary && !nic.Static {
		document["nicIndex"] = 0 // bare metal, where a VLAN is to be built
	}
	return document
}
