package subcmd

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// cloudScene is an instance with two NICs, and what becomes of it.
type cloudScene struct {
	told hostnet.Metadata
	// later is attached after the others.
	later hostnet.NIC
	// withdrawn is the address or range that a NIC has no more, as ip(8) writes it.
	withdrawn string
}

// withdraw takes the address or range from what is told.
func (s cloudScene) withdraw(told *hostnet.Metadata) {
	for i := range told.NICs {
		nic := &told.NICs[i]
		nic.Addresses = slices.DeleteFunc(nic.Addresses, func(a hostnet.CloudAddress) bool { return a.Addr.String() == s.withdrawn })
		nic.Ranges = slices.DeleteFunc(nic.Ranges, func(r hostnet.CloudRange) bool { return r.Prefix.String() == s.withdrawn })
	}
}

// cloudScenes are those of all clouds, each with what its cloud has.
func cloudScenes() map[string]cloudScene {
	return map[string]cloudScene{
		"aws": awsScene(), "azure": azureScene(), "gcp": gcpScene(), "alibaba": alibabaScene(),
		"oracle": oracleScene(), "digitalocean": digitalOceanScene(), "hetzner": hetznerScene(), "openstack": openStackScene(),
	}
}

// TestCloudScenes: each cloud has one.
func TestCloudScenes(t *testing.T) {
	assert.ElementsMatch(t, config.Providers(), slices.Collect(maps.Keys(cloudScenes())))
}

// subnetScene has all NICs of a machine in subnets, as most clouds do.
func subnetScene(provider string) cloudScene {
	return cloudScene{
		told: hostnet.Metadata{
			System: hostnet.System{Provider: provider, InstanceID: "i-0001", Region: "r-1", Zone: "r-1a", Account: "123456789012", Type: "small"},
			NICs: []hostnet.NIC{
				cloudNIC(0, "10.0.0.10/24", "10.0.0.11/24"),
				cloudNIC(1, "10.0.0.20/24", "10.0.0.21/24", "10.0.0.22/24", "2001:db8:0:1::20/64", "2001:db8:0:1::21/64"),
			},
		},
		later: cloudNIC(2, "10.0.2.30/24", "10.0.2.31/24"), withdrawn: "10.0.0.21",
	}
}

// cloudNIC is the NIC of that number, the first one primary, and so the first
// address of each family.
func cloudNIC(n int, addresses ...string) hostnet.NIC {
	nic := hostnet.NIC{MAC: cloudMAC(n), ID: fmt.Sprintf("eni-%d", n), Primary: n == 0, Device: n}
	primary := map[bool]hostnet.Role{false: hostnet.RolePrimary, true: hostnet.RolePrimary}
	for _, text := range addresses {
		p := netip.MustParsePrefix(text)
		nic.Addresses = append(nic.Addresses, hostnet.CloudAddress{Addr: p.Addr(), Bits: p.Bits(), Role: primary[p.Addr().Is4()]})
		if primary[p.Addr().Is4()] == hostnet.RolePrimary && !p.IsSingleIP() {
			nic.Subnets = append(nic.Subnets, p.Masked())
		}
		primary[p.Addr().Is4()] = hostnet.RoleSecondary
	}
	return nic
}

func cloudMAC(n int) string { return fmt.Sprintf("02:00:00:00:00:%02x", 0x10+n) }

func cloudRange(kind, prefix string) hostnet.CloudRange {
	return hostnet.CloudRange{Prefix: netip.MustParsePrefix(prefix), Kind: kind}
}

func awsScene() cloudScene {
	s := subnetScene("aws")
	s.told.NICs[1].Ranges = []hostnet.CloudRange{cloudRange("delegated", "10.0.0.64/28"), cloudRange("delegated", "2001:db8:0:1:1::/80")}
	return s
}

func azureScene() cloudScene { return subnetScene("azure") }

// gcpScene has no secondary addresses, which this cloud has ranges for.
func gcpScene() cloudScene {
	s := subnetScene("gcp")
	s.told.NICs = []hostnet.NIC{cloudNIC(0, "10.0.0.10/32"), cloudNIC(1, "10.0.1.20/32", "2001:db8:0:1::20/128")}
	s.later = cloudNIC(2, "10.0.2.30/32")
	for i, nic := range []*hostnet.NIC{&s.told.NICs[0], &s.told.NICs[1], &s.later} {
		nic.Gateway4, nic.MTUBytes = netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), 1460
	}
	s.told.NICs[0].Ranges = []hostnet.CloudRange{cloudRange("forwarded", "203.0.113.40/32")}
	s.told.NICs[1].Gateway6 = netip.MustParseAddr("fe80::1")
	s.told.NICs[1].Ranges = []hostnet.CloudRange{cloudRange("alias", "10.48.0.0/28"), cloudRange("alias", "10.48.0.16/28")}
	s.withdrawn = "10.48.0.16/28"
	return s
}

func alibabaScene() cloudScene {
	s := subnetScene("alibaba")
	for i := range s.told.NICs {
		s.told.NICs[i].Gateway4 = netip.MustParseAddr("10.0.0.253")
	}
	s.told.NICs[1].Gateway6 = netip.MustParseAddr("2001:db8:0:1::fd")
	s.told.NICs[1].Ranges = []hostnet.CloudRange{cloudRange("delegated", "10.0.0.64/28")}
	s.later.Gateway4 = netip.MustParseAddr("10.0.2.253")
	return s
}

// oracleScene has several addresses of IPv6 alone: of IPv4 this cloud tells the
// first. No DHCP serves the second NIC.
func oracleScene() cloudScene {
	s := subnetScene("oracle")
	s.told.NICs = []hostnet.NIC{
		cloudNIC(0, "10.0.0.10/24"),
		cloudNIC(1, "10.0.1.20/24", "2001:db8:0:1::20/64", "2001:db8:0:1::21/64", "2001:db8:0:1::22/64"),
	}
	s.later = cloudNIC(2, "10.0.2.30/24")
	for i, nic := range []*hostnet.NIC{&s.told.NICs[0], &s.told.NICs[1], &s.later} {
		nic.Gateway4, nic.Static = netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), i > 0
	}
	s.told.NICs[1].Gateway6 = netip.MustParseAddr("fe80::1")
	s.withdrawn = "2001:db8:0:1::21"
	return s
}

// digitalOceanScene has the anchor of a reserved address, which is all that ever
// comes and goes there.
func digitalOceanScene() cloudScene {
	s := subnetScene("digitalocean")
	s.told.System.InstanceID = "2756294"
	s.told.NICs = []hostnet.NIC{cloudNIC(0, "203.0.113.50/24", "2001:db8:8:1::10/64"), cloudNIC(1, "10.110.0.3/20")}
	first := &s.told.NICs[0]
	first.Gateway4, first.Gateway6 = netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8:8:1::1")
	first.Addresses = append(first.Addresses, hostnet.CloudAddress{
		Addr: netip.MustParseAddr("10.18.0.5"), Bits: 16, Role: hostnet.RoleAnchor, Public: netip.MustParseAddr("198.51.100.9"),
	})
	s.later = cloudNIC(2, "10.120.0.3/20")
	s.withdrawn = "10.18.0.5"
	return s
}

// hetznerScene has a public NIC and private ones, whose networks are behind a
// gateway that is outside of every subnet.
func hetznerScene() cloudScene {
	s := subnetScene("hetzner")
	s.told.System.InstanceID, s.told.System.PublicIPv4 = "42", "203.0.113.42"
	s.told.NICs = []hostnet.NIC{cloudNIC(0, "203.0.113.42/32", "2001:db8:9:1::1/64"), cloudNIC(1, "10.0.0.2/32", "10.0.0.3/32", "10.0.0.4/32")}
	s.told.NICs[0].Gateway6 = netip.MustParseAddr("fe80::1")
	s.later = cloudNIC(2, "10.1.0.2/32", "10.1.0.3/32")
	for i, nic := range []*hostnet.NIC{&s.told.NICs[1], &s.later} {
		nic.Gateway4 = netip.AddrFrom4([4]byte{10, byte(i), 0, 1})
		nic.Routes = []hostnet.CloudRoute{{Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16), Gateway: nic.Gateway4}}
	}
	s.withdrawn = "10.0.0.3"
	return s
}

// openStackScene has no DHCP, so that the cloud tells every address.
func openStackScene() cloudScene {
	s := subnetScene("openstack")
	s.told.NICs[1] = cloudNIC(1, "10.0.1.20/24", "10.0.1.21/24", "10.0.1.22/24")
	s.withdrawn = "10.0.1.21"
	for _, nic := range []*hostnet.NIC{&s.told.NICs[0], &s.told.NICs[1], &s.later} {
		nic.Static, nic.MTUBytes = true, 1450
	}
	s.told.NICs[0].Gateway4 = netip.MustParseAddr("10.0.0.1")
	s.told.NICs[1].Routes = []hostnet.CloudRoute{{Destination: netip.MustParsePrefix("10.50.0.0/16"), Gateway: netip.MustParseAddr("10.0.1.1")}}
	return s
}
