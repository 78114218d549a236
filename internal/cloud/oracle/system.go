package oracle

import (
	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// sshKeysKey is the one of the metadata that the owner gave that is asked for.
const sshKeysKey = "instance/metadata/ssh_authorized_keys"

// factKeys are the keys of the facts that are shown.
func factKeys() []string {
	return []string{
		"instance/id", "instance/displayName", "instance/hostname", "instance/shape", "instance/image",
		"instance/canonicalRegionName", "instance/availabilityDomain", "instance/faultDomain",
		"instance/compartmentId", "instance/tenantId", sshKeysKey,
	}
}

// system gathers the facts; those that could not be had go to gaps.
func system(a cloud.Answers, gaps *cloud.Gaps) hostnet.System {
	for _, key := range factKeys() {
		if a.Failed[key] != nil {
			gaps.Add(key)
		}
	}
	fact := func(name string) string { return cloud.ParseFact(a.Text("instance/" + name)) }
	s := hostnet.System{
		Provider:   "oracle",
		InstanceID: fact("id"),
		Name:       fact("displayName"),
		Hostname:   fact("hostname"),
		Type:       fact("shape"),
		Image:      fact("image"),
		Region:     fact("canonicalRegionName"),
		Zone:       fact("availabilityDomain"),
		Account:    fact("tenantId"),
		SSHKeys:    cloud.ParseKeys(a.Text(sshKeysKey)),
	}
	for _, d := range []hostnet.Detail{
		{Key: "compartment", Value: fact("compartmentId")},
		{Key: "fault domain", Value: fact("faultDomain")},
	} {
		if d.Value != "" {
			s.Details = append(s.Details, d)
		}
	}
	return s
}
