package report

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// OlderAzure is the document of the instance and of its network.
type OlderAzure struct {
	Compute OlderAzureCompute `json:"compute"`
	Network struct {
		Interfaces []OlderAzureNIC `json:"interface"`
	} `json:"network"`
}

// OlderAzureCompute is the instance.
type OlderAzureCompute struct {
	Environment string `json:"azEnvironment,omitempty"`
	Location    string `json:"location,omitempty"`
	Name        string `json:"name,omitempty"`
	Offer       string `json:"offer,omitempty"`
	OSProfile   struct {
		AdminUsername string `json:"adminUsername,omitempty"`
		ComputerName  string `json:"computerName,omitempty"`
	} `json:"osProfile"`
	OSType          string          `json:"osType,omitempty"`
	PublicKeys      []OlderAzureKey `json:"publicKeys"`
	Publisher       string          `json:"publisher,omitempty"`
	ResourceGroup   string          `json:"resourceGroupName,omitempty"`
	SecurityProfile struct {
		SecureBoot string `json:"secureBootEnabled,omitempty"`
		VirtualTPM string `json:"virtualTpmEnabled,omitempty"`
	} `json:"securityProfile"`
	SKU            string `json:"sku,omitempty"`
	SubscriptionID string `json:"subscriptionId,omitempty"`
	Version        string `json:"version,omitempty"`
	VMID           string `json:"vmId,omitempty"`
	VMSize         string `json:"vmSize,omitempty"`
	Zone           string `json:"zone,omitempty"`
}

// OlderAzureKey is a public SSH key.
type OlderAzureKey struct {
	KeyData string `json:"keyData"`
}

// OlderAzureNIC is a network interface.
type OlderAzureNIC struct {
	IPv4 OlderAzureFamily `json:"ipv4"`
	IPv6 OlderAzureFamily `json:"ipv6"`
	// MAC has no colons, and upper case.
	MAC string `json:"macAddress"`
}

// OlderAzureFamily are the addresses of a family.
type OlderAzureFamily struct {
	Addresses []OlderAzureAddress `json:"ipAddress"`
	Subnets   []OlderAzureSubnet  `json:"subnet,omitempty"`
}

// OlderAzureAddress is an address, and the public one that is mapped to it.
type OlderAzureAddress struct {
	Private string `json:"privateIpAddress"`
	Public  string `json:"publicIpAddress,omitempty"`
}

// OlderAzureSubnet is a prefix in two parts.
type OlderAzureSubnet struct {
	Address string `json:"address"`
	Prefix  string `json:"prefix"`
}

func olderAzure(s hostnet.System, nics []CloudLink) OlderAzure {
	var doc OlderAzure
	c := &doc.Compute
	c.Location, c.Name, c.VMID, c.VMSize, c.Zone, c.SubscriptionID = s.Region, s.Name, s.InstanceID, s.Type, s.Zone, s.Account
	c.OSProfile.ComputerName = s.Hostname
	for key, into := range map[string]*string{ // as internal/cloud/azure names them
		"environment": &c.Environment, "OS": &c.OSType, "publisher": &c.Publisher, "version": &c.Version, "offer": &c.Offer,
		"SKU": &c.SKU, "resource group": &c.ResourceGroup, "admin user": &c.OSProfile.AdminUsername,
		"secure boot": &c.SecurityProfile.SecureBoot, "vTPM": &c.SecurityProfile.VirtualTPM,
	} {
		for _, d := range s.Details {
			if d.Key == key {
				*into = d.Value
			}
		}
	}
	c.PublicKeys = []OlderAzureKey{}
	for _, key := range s.SSHKeys {
		c.PublicKeys = append(c.PublicKeys, OlderAzureKey{key})
	}
	doc.Network.Interfaces = []OlderAzureNIC{}
	for _, l := range nics {
		doc.Network.Interfaces = append(doc.Network.Interfaces, OlderAzureNIC{
			IPv4: olderAzureFamily(l.NIC, netip.Addr.Is4), IPv6: olderAzureFamily(l.NIC, netip.Addr.Is6),
			MAC: strings.ToUpper(strings.ReplaceAll(l.NIC.MAC, ":", "")),
		})
	}
	return doc
}

func olderAzureFamily(n hostnet.NIC, family func(netip.Addr) bool) OlderAzureFamily {
	doc := OlderAzureFamily{Addresses: []OlderAzureAddress{}}
	for _, a := range addresses(n, family) {
		address := OlderAzureAddress{Private: a.Addr.String()}
		if a.Public.IsValid() {
			address.Public = a.Public.String()
		}
		doc.Addresses = append(doc.Addresses, address)
	}
	for _, p := range n.Subnets {
		if family(p.Addr()) {
			doc.Subnets = append(doc.Subnets, OlderAzureSubnet{p.Addr().String(), strconv.Itoa(p.Bits())})
		}
	}
	return doc
}
