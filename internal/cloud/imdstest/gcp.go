package imdstest

import (
	"maps"
	"net/http"
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderGCP is the metadata server of Google Cloud: a tree of texts, and the NICs
// as JSON. It says what it is in each of its answers.
func renderGCP(told hostnet.Metadata, r *http.Request) Answer {
	answer := gcpAnswer(told, r)
	if answer.Header == nil {
		answer.Header = http.Header{}
	}
	answer.Header.Set("Metadata-Flavor", "Google")
	return answer
}

func gcpAnswer(told hostnet.Metadata, r *http.Request) Answer {
	path, ok := strings.CutPrefix(r.URL.Path, "/computeMetadata/v1/")
	switch query := r.URL.Query(); {
	case r.Header.Get("Metadata-Flavor") != "Google":
		return refuse(http.StatusForbidden)
	case !ok:
		return refuse(http.StatusNotFound)
	case path == "instance/network-interfaces", path == "instance/attributes", path == "project/attributes":
		answer := refuse(http.StatusMovedPermanently)
		answer.Header = http.Header{"Location": {r.URL.Path + "/"}}
		return answer
	case path == "instance/network-interfaces/" && query.Get("recursive") == "true" && query.Get("alt") == "json":
		return tellJSON(gcpNICs(told))
	case query.Has("recursive"):
		return refuse(http.StatusNotFound) // nothing else is asked for as a whole
	}
	return tellTree(gcpTree(told.System), path)
}

func gcpTree(system hostnet.System) map[string]string {
	keys := map[string]string{
		"instance/id":                             system.InstanceID,
		"instance/name":                           system.Name,
		"instance/hostname":                       system.Hostname,
		"instance/zone":                           gcpName("zones", system.Zone),
		"instance/machine-type":                   gcpName("machineTypes", system.Type),
		"instance/image":                          system.Image,
		"instance/scheduling/preemptible":         "FALSE",
		"instance/attributes/kube-env":            Secret,
		"instance/attributes/startup-script":      Secret,
		"instance/service-accounts/default/token": Secret,
		"project/attributes/startup-script":       Secret,
		"project/project-id":                      system.Account,
	}
	if p := system.Project; p != nil {
		keys["project/numeric-project-id"] = p.Number
		keys["instance/service-accounts/default/email"] = p.ServiceAccount
		keys["instance/service-accounts/default/scopes"] = strings.Join(p.Scopes, "\n")
		for _, name := range p.Attributes {
			keys["project/attributes/"+name] = Secret
		}
	}
	if system.Lifecycle != "" {
		keys["instance/scheduling/preemptible"] = "TRUE"
	}
	if len(system.SSHKeys) > 0 {
		keys["instance/attributes/ssh-keys"] = "admin:" + strings.Join(system.SSHKeys, "\nadmin:")
	}
	maps.DeleteFunc(keys, func(_, value string) bool { return value == "" })
	return keys
}

func gcpName(kind, name string) string {
	if name == "" {
		return ""
	}
	return "projects/123456789/" + kind + "/" + name
}

func gcpNICs(told hostnet.Metadata) []any {
	nics := []any{}
	for _, nic := range primaryFirst(told.NICs) {
		nics = append(nics, gcpNIC(nic))
	}
	return nics
}

func gcpNIC(nic hostnet.NIC) any {
	document := map[string]any{
		"mac": nic.MAC, "ip": "", "subnetmask": "", "gateway": toldText(nic.Gateway4), "network": "projects/123456789/networks/default",
		"dnsServers": []string{"169.254.169.254"}, "accessConfigs": []any{},
		"ipAliases":         toldRanges(nic, "alias", netip.Addr.IsValid),
		"forwardedIps":      gcpBare(toldRanges(nic, "forwarded", netip.Addr.Is4)),
		"forwardedIpv6s":    toldRanges(nic, "forwarded", netip.Addr.Is6),
		"targetInstanceIps": gcpBare(toldRanges(nic, "target", netip.Addr.IsValid)),
	}
	if nic.MTUBytes != 0 {
		document["mtu"] = nic.MTUBytes
	}
	if four := told4(nic); len(four) > 0 {
		document["ip"] = four[0].Addr.String()
		document["subnetmask"] = gcpMask(nic, four[0])
		document["accessConfigs"] = []any{map[string]string{"externalIp": toldText(four[0].Public), "type": "ONE_TO_ONE_NAT"}}
	}
	if six := told6(nic); len(six) > 0 {
		document["ipv6s"] = toldTexts(six)
		document["ipv6"] = []string{netip.PrefixFrom(six[0].Addr, 96).Masked().String()}
		document["gatewayIpv6"] = toldText(nic.Gateway6)
		document["dhcpv6Refresh"] = "1700000000"
	}
	return document
}

// gcpBare writes a prefix of one address as the address.
func gcpBare(prefixes []string) []string {
	for i := range prefixes {
		prefixes[i] = strings.TrimSuffix(prefixes[i], "/32")
	}
	return prefixes
}

// gcpMask is that of the subnet, though the guest gets the address alone.
func gcpMask(nic hostnet.NIC, a hostnet.CloudAddress) string {
	length := 20 // that of an auto mode network
	if p := toldSubnet(nic, netip.Addr.Is4); p.IsValid() {
		length = p.Bits()
	} else if a.Bits > 0 && a.Bits < 32 {
		length = a.Bits
	}
	return netmask(netip.PrefixFrom(a.Addr, length))
}
