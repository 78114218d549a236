package cloud

import (
	"fmt"
	"strings"
)

// What Detect takes for a cloud that the configuration does not name. They are
// config.ProviderAuto and config.ProviderNone.
const (
	Auto = "auto"
	None = "none"
)

// Detection says in which cloud the machine is.
type Detection struct {
	// Provider is a name of config.Providers, or None.
	Provider string `json:"provider"`
	// Why is for people, such as `sys_vendor is "Amazon EC2"`.
	Why string `json:"why"`
}

// Detect finds out from the files of firmware and hypervisor below root, "/" but
// in tests. What is configured wins unless it is Auto or empty. Nothing is asked
// over the network: seven clouds, and many a lab, share one address.
func Detect(root, configured string) Detection {
	if configured != "" && configured != Auto {
		return Detection{configured, fmt.Sprintf("the configuration says %q", configured)}
	}
	m := readMachine(root)
	if d, ok := m.container(); ok {
		return d
	}
	for _, rule := range rules() {
		if why, ok := rule.fits(m); ok {
			return Detection{rule.provider, why}
		}
	}
	if !m.hasDMI {
		return Detection{None, "the machine has no DMI: name the provider in the configuration"}
	}
	return Detection{None, fmt.Sprintf("no known cloud: sys_vendor is %q, product_name is %q", m.facts["sys_vendor"], m.facts["product_name"])}
}

// container says what can be known in a container, which sees its host's DMI
// and often cannot reach the host's metadata service.
func (m machine) container() (Detection, bool) {
	if m.containerBy == "" {
		return Detection{}, false
	}
	if m.product == "OpenStack Nova" { // nova-lxd sets it for its containers
		return Detection{"openstack", `product_name of process 1 is "OpenStack Nova"`}, true
	}
	return Detection{None, fmt.Sprintf("in a container (%s), DMI is the host's: name the provider in the configuration", m.containerBy)}, true
}

// rule is what tells a cloud.
type rule struct {
	provider string
	fits     func(machine) (why string, ok bool)
}

// rules are tried in order: the exact ones first, and what may be mistaken last.
// Their sources are cloud-init's ds-identify and the clouds' own documentation.
func rules() []rule {
	return []rule{
		// Not the vendor: every Hyper-V guest has Microsoft's.
		{"azure", is("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77")},
		{"oracle", is("chassis_asset_tag", "OracleCloud.com")},
		{"alibaba", is("product_name", "Alibaba Cloud ECS")},
		{"gcp", anyOf(is("product_name", "Google Compute Engine", "Google"), starts("product_serial", "GoogleCloud-"))},
		{"digitalocean", is("sys_vendor", "DigitalOcean")},
		{"hetzner", is("sys_vendor", "Hetzner")},
		{"aws", genuine(anyOf(
			is("sys_vendor", "Amazon EC2"), is("bios_vendor", "Amazon EC2"),
			ends("bios_version", ".amazon"), ends("product_version", ".amazon"), // Xen
			starts("hypervisor/uuid", "ec2"),
		))},
		{"openstack", anyOf(
			is("product_name", "OpenStack Nova", "OpenStack Compute"),
			is("chassis_asset_tag", "OpenStack Nova", "OpenStack Compute", "OpenTelekomCloud", "SAP CCloud VM", "HUAWEICLOUD", "Samsung Cloud Platform"),
		)},
		{"aws", genuine(instanceUUID)},
	}
}

// is fits one of some values.
func is(name string, values ...string) func(machine) (string, bool) {
	return func(m machine) (string, bool) {
		for _, value := range values {
			if m.facts[name] == value {
				return m.why(name), true
			}
		}
		return "", false
	}
}

// starts and ends fit a part of a value, in any case.
func starts(name, prefix string) func(machine) (string, bool) {
	return func(m machine) (string, bool) {
		return m.why(name), strings.HasPrefix(strings.ToLower(m.facts[name]), strings.ToLower(prefix))
	}
}

func ends(name, suffix string) func(machine) (string, bool) {
	return func(m machine) (string, bool) {
		return m.why(name), strings.HasSuffix(strings.ToLower(m.facts[name]), suffix)
	}
}

func anyOf(tests ...func(machine) (string, bool)) func(machine) (string, bool) {
	return func(m machine) (string, bool) {
		for _, test := range tests {
			if why, ok := test(m); ok {
				return why, true
			}
		}
		return "", false
	}
}

// genuine leaves out clouds that imitate EC2 down to its UUIDs and have no
// metadata of its form for a NIC.
func genuine(test func(machine) (string, bool)) func(machine) (string, bool) {
	imitations := anyOf(
		ends("product_serial", ".brightbox.com"), ends("chassis_asset_tag", ".zstack.io"),
		is("sys_vendor", "e24cloud", "Tilaa", "3DS Outscale"), is("product_name", "3DS Outscale VM"),
	)
	return func(m machine) (string, bool) {
		if _, ok := imitations(m); ok {
			return "", false
		}
		return test(m)
	}
}

// instanceUUID tells EC2 by its UUIDs, which start with "ec2": as text, or with
// the first four bytes the other way round (SMBIOS 2.6). One random UUID in
// 4,096 does, too, so the serial number, which is the same on EC2, has to agree.
func instanceUUID(m machine) (string, bool) {
	uuid, serial := strings.ToLower(m.facts["product_uuid"]), strings.ToLower(m.facts["product_serial"])
	swapped := len(uuid) >= 8 && uuid[4] == '2' && uuid[6:8] == "ec"
	return m.why("product_uuid"), strings.HasPrefix(serial, "ec2") && (strings.HasPrefix(uuid, "ec2") || swapped)
}
