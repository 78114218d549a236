package azure

import (
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

type compute struct {
	Environment       cloud.Text `json:"azEnvironment"`
	Location          cloud.Text `json:"location"`
	Name              cloud.Text `json:"name"`
	OSType            cloud.Text `json:"osType"`
	VMID              cloud.Text `json:"vmId"`
	VMSize            cloud.Text `json:"vmSize"`
	Zone              cloud.Text `json:"zone"`
	SubscriptionID    cloud.Text `json:"subscriptionId"`
	ResourceGroupName cloud.Text `json:"resourceGroupName"`
	Publisher         cloud.Text `json:"publisher"`
	Offer             cloud.Text `json:"offer"`
	SKU               cloud.Text `json:"sku"`
	Version           cloud.Text `json:"version"`
	Priority          cloud.Text `json:"priority"`
	OSProfile         struct {
		AdminUsername cloud.Text `json:"adminUsername"`
		ComputerName  cloud.Text `json:"computerName"`
	} `json:"osProfile"`
	SecurityProfile struct {
		SecureBoot cloud.Text `json:"secureBootEnabled"`
		VirtualTPM cloud.Text `json:"virtualTpmEnabled"`
	} `json:"securityProfile"`
	PublicKeys []struct {
		KeyData cloud.Text `json:"keyData"`
	} `json:"publicKeys"`
}

func (c compute) system() hostnet.System {
	s := hostnet.System{
		Provider:   "azure",
		InstanceID: cloud.ParseFact(string(c.VMID)),
		Name:       cloud.ParseFact(string(c.Name)),
		Hostname:   cloud.ParseFact(string(c.OSProfile.ComputerName)),
		Type:       cloud.ParseFact(string(c.VMSize)),
		Image:      c.image(),
		Region:     cloud.ParseFact(string(c.Location)),
		Zone:       cloud.ParseFact(string(c.Zone)),
		Account:    cloud.ParseFact(string(c.SubscriptionID)),
		Lifecycle:  cloud.ParseFact(string(c.Priority)),
		Details:    c.details(),
	}
	for _, k := range c.PublicKeys {
		s.SSHKeys = append(s.SSHKeys, cloud.ParseKeys(string(k.KeyData))...)
	}
	return s
}

// details have the order and the names of the older tool's display.
func (c compute) details() []hostnet.Detail {
	var found []hostnet.Detail
	for _, d := range []struct {
		key   string
		value cloud.Text
	}{
		{"environment", c.Environment},
		{"location", c.Location},
		{"name", c.Name},
		{"OS", c.OSType},
		{"VM id", c.VMID},
		{"size", c.VMSize},
		{"subscription", c.SubscriptionID},
		{"publisher", c.Publisher},
		{"version", c.Version},
		{"computer name", c.OSProfile.ComputerName},
		{"secure boot", c.SecurityProfile.SecureBoot},
		{"vTPM", c.SecurityProfile.VirtualTPM},
		{"offer", c.Offer},
		{"admin user", c.OSProfile.AdminUsername},
		{"resource group", c.ResourceGroupName},
		{"SKU", c.SKU},
	} {
		if value := cloud.ParseFact(string(d.value)); value != "" {
			found = append(found, hostnet.Detail{Key: d.key, Value: value})
		}
	}
	return found
}

// image is the URN that Azure's own tools print.
func (c compute) image() string {
	urn := strings.Join([]string{string(c.Publisher), string(c.Offer), string(c.SKU), string(c.Version)}, ":")
	if urn == ":::" {
		return ""
	}
	return cloud.ParseFact(urn)
}
