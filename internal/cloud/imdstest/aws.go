package imdstest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// renderAWS is the instance metadata service of EC2, where every key is a
// request of its own and a directory lists its children by name.
func renderAWS(told hostnet.Metadata, r *http.Request) Answer {
	path, ok := strings.CutPrefix(r.URL.Path, "/latest/")
	if !ok {
		return status(http.StatusNotFound)
	}
	keys := awsKeys(told)
	if body, ok := keys[path]; ok {
		return Answer{Status: http.StatusOK, Header: http.Header{"Server": {"EC2ws"}}, Body: []byte(body)}
	}
	listing := listing(keys, strings.TrimSuffix(path, "/")+"/")
	if listing == "" {
		return status(http.StatusNotFound)
	}
	return Answer{Status: http.StatusOK, Header: http.Header{"Server": {"EC2ws"}}, Body: []byte(listing)}
}

func awsKeys(told hostnet.Metadata) map[string]string {
	keys := awsSystem(told)
	for _, nic := range told.NICs {
		dir := "meta-data/network/interfaces/macs/" + nic.MAC + "/"
		for key, value := range awsNIC(nic) {
			keys[dir+key] = value
		}
		if nic.Primary {
			keys["meta-data/mac"] = nic.MAC
		}
	}
	return keys
}

func awsSystem(told hostnet.Metadata) map[string]string {
	sys := told.System
	keys := map[string]string{
		"meta-data/ami-id":                      sys.Image,
		"meta-data/instance-id":                 sys.InstanceID,
		"meta-data/instance-type":               sys.Type,
		"meta-data/instance-life-cycle":         sys.Lifecycle,
		"meta-data/local-hostname":              sys.Hostname,
		"meta-data/hostname":                    sys.Hostname,
		"meta-data/placement/region":            sys.Region,
		"meta-data/placement/availability-zone": sys.Zone,
		"meta-data/public-ipv4":                 sys.PublicIPv4,
		"meta-data/tags/instance/Name":          sys.Name,
		// What is never to be asked for is there to be found.
		"meta-data/iam/security-credentials/role": `{"Code": "Success", "LastUpdated": "2026-11-24T02:34:19Z", "Type": "AWS-HMAC", ` +
			`"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "` + Secret + `", "Token": "` + Secret + `", "Expiration": "2026-11-24T08:34:19Z"}`,
		"user-data": "#!/bin/sh",
	}
	maps.DeleteFunc(keys, func(_, value string) bool { return value == "" })
	for name, body := range told.Documents {
		if name, ok := strings.CutPrefix(name, "ec2/"); ok {
			keys["dynamic/instance-identity/"+name] = string(body)
		}
	}
	if _, ok := keys["dynamic/instance-identity/document"]; !ok {
		keys["dynamic/instance-identity/document"] = string(IdentityDocument(sys))
	}
	for i, key := range sys.SSHKeys {
		// The listing is "0=name", and the directory is "0".
		keys[fmt.Sprintf("meta-data/public-keys/%d/openssh-key", i)] = key
	}
	if len(sys.SSHKeys) > 0 {
		keys["meta-data/public-keys/"] = keyNames(sys.SSHKeys)
	}
	return keys
}

func keyNames(keys []string) string {
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = fmt.Sprintf("%d=key-%d", i, i)
	}
	return strings.Join(names, "\n")
}

// IdentityDocument is EC2's, for facts of an instance.
func IdentityDocument(sys hostnet.System) []byte {
	document := map[string]any{
		"accountId": sys.Account, "architecture": "x86_64", "availabilityZone": sys.Zone,
		"billingProducts": nil, "imageId": sys.Image, "instanceId": sys.InstanceID, "instanceType": sys.Type,
		"kernelId": nil, "pendingTime": "2026-11-24T02:34:19Z", "region": sys.Region, "version": "2017-09-30",
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // of strings and nils alone
	}
	return text
}

func awsNIC(nic hostnet.NIC) map[string]string {
	lists := map[string][]string{}
	for _, a := range nic.Addresses {
		key := "local-ipv4s"
		if a.Addr.Is6() {
			key = "ipv6s"
		}
		lists[key] = append(lists[key], a.Addr.String())
		if a.Public.IsValid() {
			lists["public-ipv4s"] = append(lists["public-ipv4s"], a.Public.String())
			lists["ipv4-associations/"+a.Public.String()] = []string{a.Addr.String()}
		}
	}
	for _, r := range nic.Ranges {
		key := family(r.Prefix, "ipv4-prefix", "ipv6-prefix")
		lists[key] = append(lists[key], r.Prefix.String())
	}
	for _, p := range nic.Subnets {
		key := family(p, "subnet-ipv4-cidr-block", "subnet-ipv6-cidr-blocks")
		lists[key] = append(lists[key], p.String())
	}
	keys := map[string]string{
		"mac": nic.MAC, "device-number": strconv.Itoa(nic.Device), "interface-id": nic.ID, "owner-id": "123456789012",
	}
	if nic.Card > 0 {
		keys["network-card"] = strconv.Itoa(nic.Card)
	}
	for key, lines := range lists {
		keys[key] = strings.Join(lines, "\n")
	}
	return keys
}

// family is one of two, by that of the prefix.
func family(p netip.Prefix, four, six string) string {
	if p.Addr().Is4() {
		return four
	}
	return six
}
