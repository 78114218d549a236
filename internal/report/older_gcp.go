package report

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// OlderGCP is the document of the instance and of its project.
type OlderGCP struct {
	Instance OlderGCPInstance `json:"instance"`
	Project  struct {
		// Attributes have the SSH keys of project and instance, a line each, and nothing
		// else of what may be a secret.
		Attributes map[string]string `json:"attributes"`
		Number     uint64            `json:"numericProjectId,omitempty"`
		ID         string            `json:"projectId,omitempty"`
	} `json:"project"`
}

// OlderGCPInstance is the instance.
type OlderGCPInstance struct {
	Hostname    string        `json:"hostname,omitempty"`
	ID          uint64        `json:"id,omitempty"`
	Image       string        `json:"image,omitempty"`
	MachineType string        `json:"machineType,omitempty"`
	Name        string        `json:"name,omitempty"`
	NICs        []OlderGCPNIC `json:"networkInterfaces"`
	Scheduling  struct {
		Preemptible string `json:"preemptible,omitempty"`
	} `json:"scheduling"`
	ServiceAccounts map[string]OlderGCPAccount `json:"serviceAccounts,omitempty"`
	Zone            string                     `json:"zone,omitempty"`
}

// OlderGCPAccount is a service account, without its tokens.
type OlderGCPAccount struct {
	Aliases []string `json:"aliases"`
	Email   string   `json:"email"`
	Scopes  []string `json:"scopes"`
}

// OlderGCPNIC is a network interface.
type OlderGCPNIC struct {
	AccessConfigs []OlderGCPAccess `json:"accessConfigs"`
	ForwardedIPs  []string         `json:"forwardedIps"`
	Gateway       string           `json:"gateway,omitempty"`
	IP            string           `json:"ip,omitempty"`
	Aliases       []string         `json:"ipAliases"`
	IPv6s         []string         `json:"ipv6s,omitempty"`
	MAC           string           `json:"mac"`
	MTU           int              `json:"mtu,omitempty"`
	SubnetMask    string           `json:"subnetmask,omitempty"`
	TargetIPs     []string         `json:"targetInstanceIps"`
}

// OlderGCPAccess is a public address.
type OlderGCPAccess struct {
	ExternalIP string `json:"externalIp"`
	Type       string `json:"type"`
}

func olderGCP(s hostnet.System, nics []CloudLink) OlderGCP {
	var doc OlderGCP
	i := &doc.Instance
	i.Hostname, i.Image, i.Name = s.Hostname, s.Image, s.Name
	i.ID, _ = strconv.ParseUint(s.InstanceID, 10, 64) // 0, and so absent, if it is none
	doc.Project.Attributes = map[string]string{}
	if len(s.SSHKeys) > 0 {
		doc.Project.Attributes["ssh-keys"] = strings.Join(s.SSHKeys, "\n")
	}
	project := ""
	if p := s.Project; p != nil {
		doc.Project.ID = p.ID
		if doc.Project.Number, _ = strconv.ParseUint(p.Number, 10, 64); doc.Project.Number != 0 {
			project = "projects/" + p.Number
		}
		if p.ServiceAccount != "" {
			i.ServiceAccounts = map[string]OlderGCPAccount{"default": {[]string{"default"}, p.ServiceAccount, append([]string{}, p.Scopes...)}}
		}
	}
	i.MachineType, i.Zone = olderGCPName(project, "machineTypes", s.Type), olderGCPName(project, "zones", s.Zone)
	if i.Scheduling.Preemptible = "FALSE"; s.Lifecycle == "preemptible" {
		i.Scheduling.Preemptible = "TRUE"
	}
	i.NICs = []OlderGCPNIC{}
	for _, l := range nics {
		i.NICs = append(i.NICs, olderGCPNIC(l.NIC))
	}
	return doc
}

// olderGCPName is the full name of a thing of a project.
func olderGCPName(project, kind, name string) string {
	if project == "" || name == "" {
		return name
	}
	return project + "/" + kind + "/" + name
}

func olderGCPNIC(n hostnet.NIC) OlderGCPNIC {
	doc := OlderGCPNIC{
		AccessConfigs: []OlderGCPAccess{}, ForwardedIPs: []string{}, Aliases: []string{}, TargetIPs: []string{},
		MAC: n.MAC, MTU: n.MTUBytes,
	}
	if n.Gateway4.IsValid() {
		doc.Gateway = n.Gateway4.String()
	}
	for _, a := range n.Addresses {
		switch {
		case a.Addr.Is6():
			doc.IPv6s = append(doc.IPv6s, a.Addr.String())
		case doc.IP == "":
			doc.IP = a.Addr.String()
			if a.Bits > 0 {
				doc.SubnetMask = mask(a.Bits)
			}
		}
		if a.Public.IsValid() {
			doc.AccessConfigs = append(doc.AccessConfigs, OlderGCPAccess{a.Public.String(), "ONE_TO_ONE_NAT"})
		}
	}
	for _, r := range n.Ranges {
		switch r.Kind {
		case "alias":
			doc.Aliases = append(doc.Aliases, r.Prefix.String())
		case "forwarded":
			doc.ForwardedIPs = append(doc.ForwardedIPs, bare(r.Prefix))
		case "target":
			doc.TargetIPs = append(doc.TargetIPs, bare(r.Prefix))
		}
	}
	return doc
}

// bare writes a prefix of one address as the address.
func bare(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
