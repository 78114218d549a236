package imdstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderAlibaba is the service of Alibaba Cloud: a tree of texts, in which a key
// without a value is not listed. Tokens are the server's to check.
func renderAlibaba(told hostnet.Metadata, r *http.Request) Answer {
	path, ok := strings.CutPrefix(r.URL.Path, "/latest/")
	if !ok {
		return refuse(http.StatusNotFound)
	}
	return tellTree(alibabaTree(told), path)
}

func alibabaTree(told hostnet.Metadata) map[string]string {
	system := told.System
	keys := map[string]string{
		"meta-data/instance-id":                   system.InstanceID,
		"meta-data/hostname":                      system.Hostname,
		"meta-data/image-id":                      system.Image,
		"meta-data/region-id":                     system.Region,
		"meta-data/zone-id":                       system.Zone,
		"meta-data/owner-account-id":              system.Account,
		"meta-data/eipv4":                         system.PublicIPv4,
		"meta-data/instance/instance-name":        system.Name,
		"meta-data/instance/instance-type":        system.Type,
		"meta-data/ram/security-credentials/role": Secret,
		"user-data":                               Secret,
	}
	for i, key := range system.SSHKeys {
		keys[fmt.Sprintf("meta-data/public-keys/%d/openssh-key", i)] = key
	}
	for _, nic := range told.NICs {
		if nic.Primary {
			keys["meta-data/mac"] = nic.MAC
		}
		for name, value := range alibabaNIC(nic) {
			keys["meta-data/network/interfaces/macs/"+nic.MAC+"/"+name] = value
		}
	}
	maps.DeleteFunc(keys, func(_, value string) bool { return value == "" })
	return keys
}

func alibabaNIC(nic hostnet.NIC) map[string]string {
	keys := map[string]string{
		"mac":                     nic.MAC,
		"network-interface-id":    nic.ID,
		"gateway":                 toldText(nic.Gateway4),
		"ipv6-gateway":            toldText(nic.Gateway6),
		"vswitch-ipv6-cidr-block": toldText(toldSubnet(nic, netip.Addr.Is6)),
		"ipv4-prefixes":           bracketed(toldRanges(nic, "delegated", netip.Addr.Is4)),
		"ipv6-prefixes":           bracketed(toldRanges(nic, "delegated", netip.Addr.Is6)),
		"ipv6s":                   bracketed(toldTexts(told6(nic))),
	}
	if subnet := toldSubnet(nic, netip.Addr.Is4); subnet.IsValid() {
		keys["vswitch-cidr-block"] = subnet.String()
		keys["netmask"] = netmask(subnet)
	}
	if four := told4(nic); len(four) > 0 {
		keys["primary-ip-address"] = four[0].Addr.String()
		keys["private-ipv4s"] = alibabaIPv4s(four)
	}
	return keys
}

// alibabaIPv4s are in no order: backwards, the primary one last.
func alibabaIPv4s(addresses []hostnet.CloudAddress) string {
	texts := toldTexts(addresses)
	slices.Reverse(texts)
	text, err := json.Marshal(texts)
	if err != nil {
		panic(err) // of texts alone
	}
	return string(text)
}

// bracketed is a list without quotes, "" for an empty one.
func bracketed(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return "[" + strings.Join(texts, ",") + "]"
}
