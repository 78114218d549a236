package openstack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// instance is what is used of meta_data.json.
type instance struct {
	UUID     cloud.Text      `json:"uuid"`
	Name     cloud.Text      `json:"name"`
	Hostname cloud.Text      `json:"hostname"`
	Zone     cloud.Text      `json:"availability_zone"`
	Project  cloud.Text      `json:"project_id"`
	Launch   cloud.Text      `json:"launch_index"`
	Named    json.RawMessage `json:"public_keys"`
	Keys     json.RawMessage `json:"keys"`
}

func parseSystem(answers cloud.Answers, gaps *cloud.Gaps) hostnet.System {
	var doc instance
	odd, err := cloud.Decode(answers.Bodies[metaData], &doc)
	if odd != "" || err != nil {
		gaps.Add(metaData)
	} else if doc.UUID == "" {
		gaps.Add("uuid")
	}
	s := hostnet.System{
		Provider:   "openstack",
		InstanceID: cloud.ParseFact(string(doc.UUID)),
		Name:       cloud.ParseFact(string(doc.Name)),
		Hostname:   cloud.ParseFact(string(doc.Hostname)),
		Zone:       cloud.ParseFact(string(doc.Zone)),
		Account:    cloud.ParseFact(string(doc.Project)),
		SSHKeys:    doc.sshKeys(),
	}
	if launch := cloud.ParseFact(string(doc.Launch)); launch != "" {
		s.Details = []hostnet.Detail{{Key: "launch index", Value: launch}}
	}
	return s
}

// sshKeys are those of "public_keys", by their names, then those that "keys" alone
// has. What "keys" has beside SSH's is an X.509 certificate.
func (i instance) sshKeys() []string {
	var named map[string]cloud.Text
	var keys []struct{ Type, Data cloud.Text }
	_ = json.Unmarshal(i.Named, &named) // a key that cannot be read is not shown
	_ = json.Unmarshal(i.Keys, &keys)
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		texts = append(texts, string(named[name]))
	}
	for _, key := range keys {
		if cmp.Or(key.Type, "ssh") == "ssh" {
			texts = append(texts, string(key.Data))
		}
	}
	return cloud.ParseKeys(strings.Join(texts, "\n"))
}

// leftOut names the links that are not ours to configure.
func leftOut(links []*builder) []hostnet.Detail {
	var names []string
	for _, b := range links {
		if b.stacked() {
			names = append(names, fmt.Sprintf("%s (%s)", b.id, b.kind))
		}
	}
	value := cloud.ParseFact(strings.Join(names, ", "))
	if value == "" {
		return nil
	}
	return []hostnet.Detail{{Key: "left out", Value: value}}
}
