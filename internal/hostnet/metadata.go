package hostnet

import "net/netip"

// Metadata is what a cloud says of an instance, in no cloud's own terms. It is
// all that reaches the planner.
type Metadata struct {
	System System
	NICs   []NIC
	// Documents are kept byte for byte, by their names below cloud/provider/:
	// signed ones, such as "ec2/document". Never a credential, key or user data.
	Documents map[string][]byte
	// Missing says what of the instance itself could not be had; that of a NIC is
	// said there.
	Missing []string
}

// System are facts of the instance for people; what a cloud does not tell is
// empty.
type System struct {
	Provider   string   `json:"provider"`
	InstanceID string   `json:"instance_id"`
	Name       string   `json:"name,omitempty"`
	Hostname   string   `json:"hostname,omitempty"`
	Type       string   `json:"type,omitempty"`
	Image      string   `json:"image,omitempty"`
	Region     string   `json:"region,omitempty"`
	Zone       string   `json:"zone,omitempty"`
	Account    string   `json:"account,omitempty"`
	Lifecycle  string   `json:"lifecycle,omitempty"`
	PublicIPv4 string   `json:"public_ipv4,omitempty"`
	SSHKeys    []string `json:"ssh_keys,omitempty"` // public ones
	// Project is nil in a cloud that has none.
	Project *Project `json:"project,omitempty"`
	// Details are further facts in the cloud's own order, such as "environment".
	Details []Detail `json:"details,omitempty"`
}

// Detail is a fact that only some clouds tell.
type Detail struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Project is what a cloud that groups instances in projects tells of the
// instance's.
type Project struct {
	ID     string `json:"id"`
	Number string `json:"number,omitempty"`
	// Attributes are the names of those that are set. Their values may be secrets,
	// such as in a startup script, and are not asked for.
	Attributes []string `json:"attributes,omitempty"`
	// ServiceAccount is the e-mail address of the instance's default one, and Scopes
	// are what its tokens are good for.
	ServiceAccount string   `json:"service_account,omitempty"`
	Scopes         []string `json:"scopes,omitempty"`
}

// NIC is a network interface of the instance.
type NIC struct {
	// MAC is in lower case with colons.
	MAC string `json:"mac"`
	// ID is the cloud's own, such as "eni-0a1b".
	ID      string `json:"id,omitempty"`
	Primary bool   `json:"primary"`
	// Missing names what could not be had; with any of it the NIC is left as it is.
	Missing []string `json:"missing,omitempty"`
	// Addresses come in the cloud's order.
	Addresses []CloudAddress `json:"addresses"`
	Ranges    []CloudRange   `json:"ranges,omitempty"`
	// Subnets are those of the NIC, masked.
	Subnets []netip.Prefix `json:"subnets,omitempty"`
	// Gateway4 and Gateway6 are not valid where the cloud tells none.
	Gateway4 netip.Addr `json:"gateway4,omitzero"`
	Gateway6 netip.Addr `json:"gateway6,omitzero"`
	// FirstHost says that the first host of the IPv4 subnet is the gateway (AWS,
	// Azure).
	FirstHost bool         `json:"first_host,omitempty"`
	Routes    []CloudRoute `json:"routes,omitempty"`
	// MTUBytes is 0 where the cloud tells none.
	MTUBytes int `json:"mtu,omitempty"`
	// Static says that no DHCP serves the NIC: its primary address is ours to set.
	Static bool `json:"static,omitempty"`
	// Card and Device are EC2's network card and device number.
	Card   int `json:"card,omitempty"`
	Device int `json:"device,omitempty"`
}

// Role is what an address is to its NIC.
type Role string

// The roles. An anchor is DigitalOcean's private address for reserved IPs.
const (
	RolePrimary   Role = "primary"
	RoleSecondary Role = "secondary"
	RoleAnchor    Role = "anchor"
)

// CloudAddress is an address of a NIC.
type CloudAddress struct {
	Addr netip.Addr `json:"address"`
	// Bits is the length of the subnet's prefix, 0 where it is not known.
	Bits int  `json:"prefix_length,omitempty"`
	Role Role `json:"role"`
	// Public is the address outside that is mapped to this one; not valid for none.
	Public netip.Addr `json:"public,omitzero"`
}

// CloudRange is a prefix for which the NIC answers, longer than an address or
// handed to it by a load balancer.
type CloudRange struct {
	Prefix netip.Prefix `json:"prefix"`
	// Kind is "delegated", "alias", "forwarded" or "target".
	Kind string `json:"kind"`
}

// CloudRoute is a route that the cloud wants on the NIC.
type CloudRoute struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway"`
}
