package digitalocean

import (
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func (d droplet) system(public []hostnet.NIC, outside reserved, gaps *cloud.Gaps) hostnet.System {
	s := hostnet.System{
		Provider:   "digitalocean",
		InstanceID: cloud.ParseFact(string(d.ID)),
		Name:       cloud.ParseFact(string(d.Hostname)),
		Hostname:   cloud.ParseFact(string(d.Hostname)),
		Region:     cloud.ParseFact(string(d.Region)),
		PublicIPv4: publicIPv4(public),
		SSHKeys:    cloud.ParseKeys(strings.Join(d.PublicKeys, "\n")),
	}
	if s.InstanceID == "" {
		gaps.Add("droplet_id")
	}
	if tags := cloud.ParseFact(strings.Join(d.Tags, ", ")); tags != "" {
		s.Details = append(s.Details, hostnet.Detail{Key: "tags", Value: tags})
	}
	for _, r := range []struct {
		key  string
		addr netip.Addr
	}{
		{"reserved IPv4", outside.IPv4.addr4("reserved_ip.ipv4", gaps)},
		{"reserved IPv6", outside.IPv6.addr6("reserved_ip.ipv6", gaps)},
	} {
		if r.addr.IsValid() {
			s.Details = append(s.Details, hostnet.Detail{Key: r.key, Value: r.addr.String()})
		}
	}
	return s
}

func publicIPv4(public []hostnet.NIC) string {
	for _, n := range public {
		for _, a := range n.Addresses {
			if a.Addr.Is4() && a.Role == hostnet.RolePrimary {
				return a.Addr.String()
			}
		}
	}
	return ""
}
