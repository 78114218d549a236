package aws

import (
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxText bounds a fact that is shown to people; an SSH key of 16,384 bits has
// 2.8 KB.
const maxText = 8 << 10

// document is what is used of the instance identity document.
type document struct {
	AccountID        string `json:"accountId"`
	Architecture     string `json:"architecture"`
	AvailabilityZone string `json:"availabilityZone"`
	ImageID          string `json:"imageId"`
	InstanceID       string `json:"instanceId"`
	InstanceType     string `json:"instanceType"`
	PendingTime      string `json:"pendingTime"`
	Region           string `json:"region"`
}

// parseDocument reports whether it is one that says which instance this is.
func parseDocument(body []byte) (document, bool) {
	var d document
	err := json.Unmarshal(body, &d)
	return d, err == nil && d.InstanceID != ""
}

// system takes the facts of the instance, and the signed documents as they are.
func (a Answers) system(m *hostnet.Metadata) {
	d, ok := parseDocument(a.Bodies[documentPath])
	if !ok {
		d = document{InstanceID: a.text(instanceIDPath)}
	}
	m.System = hostnet.System{
		Provider: "aws", InstanceID: printable(d.InstanceID), Type: printable(d.InstanceType), Image: printable(d.ImageID),
		Region: printable(d.Region), Zone: printable(d.AvailabilityZone), Account: printable(d.AccountID),
		Name: a.text(namePath), Lifecycle: a.text(lifecyclePath), PublicIPv4: publicIPv4(m.NICs), SSHKeys: a.sshKeys(),
	}
	if name := a.text(hostnamePath); hostnet.ValidDomain(name) {
		m.System.Hostname = name
	}
	for _, detail := range []hostnet.Detail{{Key: "architecture", Value: printable(d.Architecture)}, {Key: "launched", Value: printable(d.PendingTime)}} {
		if detail.Value != "" {
			m.System.Details = append(m.System.Details, detail)
		}
	}
	for _, name := range documents() {
		// Not a byte may change: the signature is over the document as it came.
		if body := a.Bodies[identityPath+name]; len(body) > 0 {
			m.Documents["ec2/"+name] = body
		}
	}
	m.Missing = append(m.Missing, a.missingFacts()...)
	if m.System.InstanceID == "" {
		m.Missing = append(m.Missing, "instance-id: not in the identity document, nor by itself")
	}
}

// missingFacts are those that could not be had. One that is absent is not set.
func (a Answers) missingFacts() []string {
	var missing []string
	paths := instanceKeys()
	for _, number := range a.keyNumbers() {
		paths = append(paths, publicKeysPath+number+"/openssh-key")
	}
	for _, path := range paths {
		if why, failed := a.Failed[path]; failed {
			missing = append(missing, strings.TrimPrefix(path, "meta-data/")+": "+why)
		}
	}
	return missing
}

// associate says which public address is mapped to which of the NICs', and
// returns what could not be had.
func (a Answers) associate(nics []hostnet.NIC) (missing []string) {
	byMAC := map[string]*hostnet.NIC{}
	for i := range nics {
		byMAC[nics[i].MAC] = &nics[i]
	}
	for _, name := range a.macNames() {
		mac, _ := parseMAC(name) // Parse has seen to it
		dir := macsPath + name + "/" + associationsName
		if why, failed := a.Failed[dir]; failed {
			missing = append(missing, associationsName+" of "+mac+": "+why)
		}
		for _, text := range lines(a.Bodies[dir]) {
			if why, failed := a.Failed[dir+text]; failed {
				missing = append(missing, associationsName+text+" of "+mac+": "+why)
			}
			if public, err := netip.ParseAddr(text); err == nil && public.Is4() {
				a.setPublic(byMAC[mac], public, lines(a.Bodies[dir+text]))
			}
		}
	}
	return missing
}

// setPublic marks those of the NIC's IPv4 addresses that public is mapped to.
// With one address, it is that one.
func (a Answers) setPublic(nic *hostnet.NIC, public netip.Addr, private []string) {
	private4, _ := parseAddrs(private, true)
	var four []*hostnet.CloudAddress
	for i := range nic.Addresses {
		if nic.Addresses[i].Addr.Is4() {
			four = append(four, &nic.Addresses[i])
		}
	}
	for _, address := range four {
		for _, addr := range private4 {
			if address.Addr == addr {
				address.Public = public
			}
		}
		if len(four) == 1 {
			address.Public = public
		}
	}
}

// publicIPv4 is that of the primary address of the primary NIC.
func publicIPv4(nics []hostnet.NIC) string {
	for _, nic := range nics {
		for _, address := range nic.Addresses {
			if nic.Primary && address.Role == hostnet.RolePrimary && address.Public.IsValid() {
				return address.Public.String()
			}
		}
	}
	return ""
}

func (a Answers) sshKeys() []string {
	var keys []string
	for _, number := range a.keyNumbers() {
		if key := a.text(publicKeysPath + number + "/openssh-key"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// text is a key's one line, fit to be shown.
func (a Answers) text(path string) string {
	return printable(strings.TrimSpace(string(a.Bodies[path])))
}

// printable is text if it can be shown as it is, else "".
func printable(text string) string {
	if !hostnet.PrintableText(text, maxText) {
		return ""
	}
	return text
}
