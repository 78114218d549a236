package aws

import (
	"encoding/json"
	"net/netip"
	"slices"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// document is what is used of the instance identity document.
type document struct {
	AccountID        cloud.Text `json:"accountId"`
	Architecture     cloud.Text `json:"architecture"`
	AvailabilityZone cloud.Text `json:"availabilityZone"`
	ImageID          cloud.Text `json:"imageId"`
	InstanceID       cloud.Text `json:"instanceId"`
	InstanceType     cloud.Text `json:"instanceType"`
	PendingTime      cloud.Text `json:"pendingTime"`
	Region           cloud.Text `json:"region"`
}

// parseDocument reports whether it is one that says which instance this is.
func parseDocument(a cloud.Answers) (document, bool) {
	var d document
	err := json.Unmarshal(a.Bodies[documentKey], &d)
	return d, err == nil && cloud.ParseFact(string(d.InstanceID)) != ""
}

// system is what people are shown of the instance.
func system(a cloud.Answers, first hostnet.NIC, gaps *cloud.Gaps) hostnet.System {
	d, ok := parseDocument(a)
	if !ok {
		d = document{InstanceID: cloud.Text(a.Text(instanceIDKey))}
	}
	fact := func(text cloud.Text) string { return cloud.ParseFact(string(text)) }
	s := hostnet.System{
		Provider: "aws", InstanceID: fact(d.InstanceID), Type: fact(d.InstanceType), Image: fact(d.ImageID),
		Region: fact(d.Region), Zone: fact(d.AvailabilityZone), Account: fact(d.AccountID),
		Name: cloud.ParseFact(a.Text(nameKey)), Lifecycle: cloud.ParseFact(a.Text(lifecycleKey)),
		PublicIPv4: publicIPv4(first),
	}
	if name := a.Text(hostnameKey); hostnet.ValidDomain(name) {
		s.Hostname = name
	}
	for _, detail := range []hostnet.Detail{{Key: "architecture", Value: fact(d.Architecture)}, {Key: "launched", Value: fact(d.PendingTime)}} {
		if detail.Value != "" {
			s.Details = append(s.Details, detail)
		}
	}
	keys := sshKeyKeys(a)
	for _, key := range keys {
		s.SSHKeys = append(s.SSHKeys, cloud.ParseKeys(a.Text(key))...)
	}
	for _, key := range append(factKeys(), keys...) {
		if a.Failed[key] != nil { // one that is absent is not set
			gaps.Add(key)
		}
	}
	if s.InstanceID == "" {
		gaps.Add(instanceIDKey)
	}
	return s
}

// signed are the documents. Not a byte may change: the signature is over them as
// they came.
func signed(a cloud.Answers) map[string][]byte {
	found := map[string][]byte{}
	for _, name := range documents() {
		if body := a.Bodies[identityDir+name]; len(body) > 0 {
			found["ec2/"+name] = body
		}
	}
	return found
}

// associate says which public address is mapped to which of the NICs'.
func associate(a cloud.Answers, directories []string, nics []hostnet.NIC, gaps *cloud.Gaps) {
	for _, directory := range directories {
		list := directory + associationsDir
		if a.Failed[list] != nil {
			gaps.Add(list)
		}
		mac := directoryMAC(directory)
		i := slices.IndexFunc(nics, func(n hostnet.NIC) bool { return n.MAC == mac })
		for _, text := range lines(a, list) {
			if a.Failed[list+text] != nil {
				gaps.Add(list + text)
			}
			if public, err := netip.ParseAddr(text); err == nil && public.Is4() {
				setPublic(nics[i].Addresses, public, lines(a, list+text))
			}
		}
	}
}

// setPublic marks the IPv4 addresses that public is mapped to. With one such
// address it is that one.
func setPublic(addresses []hostnet.CloudAddress, public netip.Addr, private []string) {
	only := -1
	for i := range addresses {
		if addresses[i].Addr.Is6() {
			continue
		}
		if only++; slices.Contains(private, addresses[i].Addr.String()) {
			addresses[i].Public = public
		}
	}
	if only == 0 { // IPv4 comes first
		addresses[0].Public = public
	}
}

// publicIPv4 is that of the primary address of the primary NIC.
func publicIPv4(n hostnet.NIC) string {
	if n.Primary && len(n.Addresses) > 0 && n.Addresses[0].Public.IsValid() {
		return n.Addresses[0].Public.String()
	}
	return ""
}
