package alibaba

import (
	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// system gathers the facts; those that could not be had go to gaps.
func system(a cloud.Answers, gaps *cloud.Gaps) hostnet.System {
	for _, key := range append(append([]string{rootKey}, factKeys(a)...), sshKeyKeys(a)...) {
		if a.Failed[key] != nil {
			gaps.Add(key)
		}
	}
	fact := func(name string) string { return cloud.ParseFact(a.Text(rootKey + name)) }
	s := hostnet.System{
		Provider:   "alibaba",
		InstanceID: fact("instance-id"),
		Name:       fact("instance/instance-name"),
		Hostname:   fact("hostname"),
		Type:       fact("instance/instance-type"),
		Image:      fact("image-id"),
		Region:     fact("region-id"),
		Zone:       fact("zone-id"),
		Account:    fact("owner-account-id"),
	}
	// eipv4 is an elastic address, public-ipv4 one that comes with the instance.
	for _, key := range []string{"public-ipv4", "eipv4"} {
		if addr := gaps.Addr4(rootKey+key, fact(key)); addr.IsValid() {
			s.PublicIPv4 = addr.String()
		}
	}
	for _, key := range sshKeyKeys(a) {
		s.SSHKeys = append(s.SSHKeys, cloud.ParseKeys(a.Text(key))...)
	}
	return s
}
