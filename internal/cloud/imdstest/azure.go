package imdstest

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// azureVersions are some of those that the service knows. Since 2021-01-01 the
// document has the user data in it; customData is always empty.
func azureVersions() []string {
	return []string{"2021-02-01", "2021-01-01", "2020-12-01", "2020-09-01", "2019-06-01", "2017-04-02"}
}

// renderAzure is the instance document of Azure's service: every value is a
// string, and an empty one where there is none.
func renderAzure(told hostnet.Metadata, r *http.Request) Answer {
	if r.Header.Get("Metadata") != "true" {
		return refuse(http.StatusBadRequest)
	}
	if r.URL.Path != "/metadata/instance" {
		return refuse(http.StatusNotFound)
	}
	version := r.URL.Query().Get("api-version")
	if !slices.Contains(azureVersions(), version) {
		answer := tellJSON(map[string]any{
			"error":           "Bad request. api-version is invalid or was not specified in the request. For more information refer to aka.ms/azureimds",
			"newest-versions": azureVersions()[:3],
		})
		answer.Status = http.StatusBadRequest
		return answer
	}
	if format := r.URL.Query().Get("format"); format != "" && format != "json" {
		return refuse(http.StatusBadRequest)
	}
	interfaces := []any{}
	for _, nic := range told.NICs {
		interfaces = append(interfaces, azureNIC(nic))
	}
	return tellJSON(map[string]any{
		"compute": azureCompute(told.System, version),
		"network": map[string]any{"interface": interfaces},
	})
}

func azureNIC(nic hostnet.NIC) any {
	six := map[string]any{"ipAddress": azureAddresses(told6(nic))}
	if subnets := azureSubnets(nic, netip.Addr.Is6); len(subnets) > 0 {
		six["subnet"] = subnets
	}
	return map[string]any{
		"macAddress": strings.ToUpper(strings.ReplaceAll(nic.MAC, ":", "")),
		"ipv4":       map[string]any{"ipAddress": azureAddresses(told4(nic)), "subnet": azureSubnets(nic, netip.Addr.Is4)},
		"ipv6":       six,
	}
}

func azureAddresses(addresses []hostnet.CloudAddress) []any {
	entries := []any{}
	for _, a := range addresses {
		entries = append(entries, map[string]string{"privateIpAddress": a.Addr.String(), "publicIpAddress": toldText(a.Public)})
	}
	return entries
}

func azureSubnets(nic hostnet.NIC, family func(netip.Addr) bool) []any {
	entries := []any{}
	for _, p := range nic.Subnets {
		if family(p.Addr()) {
			entries = append(entries, map[string]string{"address": p.Addr().String(), "prefix": strconv.Itoa(p.Bits())})
		}
	}
	return entries
}

func azureCompute(system hostnet.System, version string) any {
	keys := []any{}
	for _, key := range system.SSHKeys {
		keys = append(keys, map[string]string{"keyData": key + "\r\n", "path": "/home/admin/.ssh/authorized_keys"})
	}
	detail := func(key string) string { return detailOf(system, key) }
	document := map[string]any{
		"azEnvironment": detail("environment"), "location": system.Region, "name": system.Name, "vmId": system.InstanceID,
		"vmSize": system.Type, "zone": system.Zone, "osType": detail("OS"), "subscriptionId": system.Account,
		"resourceGroupName": detail("resource group"), "publisher": detail("publisher"), "offer": detail("offer"),
		"sku": detail("SKU"), "version": detail("version"), "priority": system.Lifecycle, "provider": "Microsoft.Compute",
		"osProfile": map[string]string{
			"adminUsername": detail("admin user"), "computerName": system.Hostname, "disablePasswordAuthentication": "true",
			"customData": "",
		},
		"securityProfile": map[string]string{"secureBootEnabled": detail("secure boot"), "virtualTpmEnabled": detail("vTPM")},
		"publicKeys":      keys, "tagsList": []any{}, "customData": "",
	}
	if version >= "2021-01-01" {
		document["userData"] = Secret
	}
	return document
}
