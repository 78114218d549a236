package imdstest

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/alibaba"
	"github.com/netbrk/netbrk/internal/cloud/azure"
	"github.com/netbrk/netbrk/internal/cloud/gcp"
	"github.com/netbrk/netbrk/internal/cloud/oracle"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func toldSystem(provider string) hostnet.System {
	return hostnet.System{
		Provider: provider, InstanceID: "i-1", Name: "web", Hostname: "web-1", Type: "small", Region: "europe-west4", Zone: "europe-west4-a",
		Account: "account-1", SSHKeys: []string{"ssh-ed25519 AAAA a@b", "ssh-rsa BBBB c"},
	}
}

// toldNICs are two with addresses of both families, and one of IPv6 alone.
func toldNICs() []hostnet.NIC {
	first := at("10.1.1.4/24", hostnet.RolePrimary)
	first.Public = netip.MustParseAddr("198.51.100.9")
	return []hostnet.NIC{
		{
			MAC: "02:48:05:00:ab:01", ID: "nic-1", Primary: true, Subnets: prefixes("10.1.1.0/24", "2001:db8:1:1::/64"),
			Addresses: []hostnet.CloudAddress{
				first, at("10.1.1.5/24", hostnet.RoleSecondary), at("10.1.1.6/24", hostnet.RoleSecondary),
				at("2001:db8:1:1::4/64", hostnet.RolePrimary), at("2001:db8:1:1::5/64", hostnet.RoleSecondary),
			},
			Gateway4: netip.MustParseAddr("10.1.1.1"), Gateway6: netip.MustParseAddr("fe80::1"),
		},
		{
			MAC: "02:48:05:00:ab:02", ID: "nic-2", Subnets: prefixes("10.1.2.0/24"),
			Addresses: []hostnet.CloudAddress{at("10.1.2.4/24", hostnet.RolePrimary)}, Gateway4: netip.MustParseAddr("10.1.2.1"),
		},
		{
			MAC: "02:48:05:00:ab:03", ID: "nic-3", Subnets: prefixes("2001:db8:1:3::/64"),
			Addresses: []hostnet.CloudAddress{at("2001:db8:1:3::4/64", hostnet.RolePrimary)}, Gateway6: netip.MustParseAddr("fe80::3"),
		},
	}
}

func toldAzure() hostnet.Metadata {
	told := hostnet.Metadata{System: toldSystem("azure"), NICs: toldNICs()}
	told.System.Image, told.System.Lifecycle, told.System.PublicIPv4 = "Debian:debian-12:12-gen2:0.1", "Regular", "198.51.100.9"
	for _, detail := range [][2]string{
		{"environment", "AzurePublicCloud"}, {"location", "europe-west4"}, {"name", "web"}, {"OS", "Linux"}, {"VM id", "i-1"},
		{"size", "small"}, {"subscription", "account-1"}, {"publisher", "Debian"}, {"version", "0.1"}, {"computer name", "web-1"},
		{"secure boot", "true"}, {"vTPM", "false"}, {"offer", "debian-12"}, {"admin user", "admin"}, {"resource group", "rg1"}, {"SKU", "12-gen2"},
	} {
		told.System.Details = append(told.System.Details, hostnet.Detail{Key: detail[0], Value: detail[1]})
	}
	for i := range told.NICs {
		nic := &told.NICs[i]
		nic.ID, nic.Gateway4, nic.Gateway6, nic.FirstHost = "", netip.Addr{}, netip.Addr{}, nic.Subnets[0].Addr().Is4()
	}
	return told
}

// toldGCP has no secondary IPv4 addresses: those are ranges here. No subnet is on
// the link.
func toldGCP() hostnet.Metadata {
	told := hostnet.Metadata{System: toldSystem("gcp"), NICs: toldNICs()}
	told.System.Image, told.System.Lifecycle, told.System.PublicIPv4 = "projects/p/global/images/debian-12", "preemptible", "198.51.100.9"
	told.System.Project = &hostnet.Project{
		ID: told.System.Account, Number: "123456789", Attributes: []string{"enable-oslogin", "startup-script"},
		ServiceAccount: "123456789-compute@developer.gserviceaccount.com",
		Scopes:         []string{"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/logging.write"},
	}
	for i := range told.NICs {
		nic := &told.NICs[i]
		nic.ID, nic.Subnets, nic.MTUBytes = "", nil, 1460+i
		for j := range nic.Addresses {
			nic.Addresses[j].Bits = nic.Addresses[j].Addr.BitLen()
		}
	}
	told.NICs[0].Addresses = append(told.NICs[0].Addresses[:1], told.NICs[0].Addresses[3:]...)
	for _, r := range [][2]string{
		{"10.1.48.0/28", "alias"}, {"10.1.49.9/32", "alias"}, {"198.51.100.40/32", "forwarded"}, {"2001:db8:40::/96", "forwarded"}, {"198.51.100.41/32", "target"},
	} {
		told.NICs[0].Ranges = append(told.NICs[0].Ranges, hostnet.CloudRange{Prefix: netip.MustParsePrefix(r[0]), Kind: r[1]})
	}
	return told
}

func toldAlibaba() hostnet.Metadata {
	told := hostnet.Metadata{System: toldSystem("alibaba"), NICs: toldNICs()}
	told.System.Image, told.System.PublicIPv4 = "debian_12.vhd", "198.51.100.9"
	for _, text := range []string{"10.1.1.64/28", "2001:db8:1:1:1::/80"} {
		told.NICs[0].Ranges = append(told.NICs[0].Ranges, hostnet.CloudRange{Prefix: netip.MustParsePrefix(text), Kind: "delegated"})
	}
	return told
}

// toldOracle has primary IPv4 addresses alone, and no public ones.
func toldOracle() hostnet.Metadata {
	told := hostnet.Metadata{System: toldSystem("oracle"), NICs: toldNICs()}
	told.System.Image = "ocid1.image.oc1.phx.cccc"
	told.System.Details = []hostnet.Detail{{Key: "compartment", Value: "ocid1.compartment"}, {Key: "fault domain", Value: "FAULT-DOMAIN-3"}}
	first := &told.NICs[0]
	first.Addresses = append(first.Addresses[:1], first.Addresses[3:]...)
	first.Addresses[0].Public = netip.Addr{}
	told.NICs[1].Static = true // and the third is one of bare metal
	return told
}

func TestToldIsRead(t *testing.T) {
	for _, tt := range []struct {
		provider cloud.Provider
		render   render
		told     hostnet.Metadata
	}{
		{azure.Provider{}, renderAzure, toldAzure()},
		{gcp.Provider{}, renderGCP, toldGCP()},
		{alibaba.Provider{}, renderAlibaba, toldAlibaba()},
		{oracle.Provider{}, renderOracle, toldOracle()},
	} {
		t.Run(tt.provider.Name(), func(t *testing.T) { roundTrip(t, tt.provider, tt.render, tt.told) })
	}
}

// Each service is as strict as the cloud's.
func TestRenderRefuses(t *testing.T) {
	const azurePath, gcpNICs = "/metadata/instance?api-version=2020-12-01", "/computeMetadata/v1/instance/network-interfaces"
	for _, tt := range []struct {
		name          string
		render        render
		target        string
		header, value string
		status        int
	}{
		{"azure without its header", renderAzure, azurePath, "", "", 400},
		{"azure without a version", renderAzure, "/metadata/instance", "Metadata", "true", 400},
		{"azure of an unknown version", renderAzure, "/metadata/instance?api-version=2031-01-01", "Metadata", "true", 400},
		{"azure as text", renderAzure, azurePath + "&format=text", "Metadata", "true", 400},
		{"azure elsewhere", renderAzure, "/metadata/identity/oauth2/token", "Metadata", "true", 404},
		{"gcp without its header", renderGCP, gcpNICs + "/", "", "", 403},
		{"gcp without a slash", renderGCP, gcpNICs, "Metadata-Flavor", "Google", 301},
		{"gcp elsewhere", renderGCP, "/computeMetadata/v1/instance/nothing", "Metadata-Flavor", "Google", 404},
		{"gcp of another version", renderGCP, "/0.1/meta-data/", "Metadata-Flavor", "Google", 404},
		{"alibaba elsewhere", renderAlibaba, "/latest/meta-data/nothing", "", "", 404},
		{"alibaba of another version", renderAlibaba, "/1970-01-01/meta-data/", "", "", 404},
		{"oracle without its header", renderOracle, "/opc/v2/vnics/", "", "", 400},
		{"oracle with another", renderOracle, "/opc/v2/vnics/", "Authorization", "Bearer Larry", 401},
		{"oracle elsewhere", renderOracle, "/opc/v2/nothing", "Authorization", "Bearer Oracle", 404},
		{"oracle of version 1", renderOracle, "/opc/v1/vnics/", "Authorization", "Bearer Oracle", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := direct{t: t, render: tt.render, told: toldAzure()}.ask(tt.target, map[string]string{tt.header: tt.value})
			assert.Equal(t, tt.status, answer.Status)
		})
	}
	refused := direct{t: t, render: renderAzure}.ask("/metadata/instance?api-version=1", map[string]string{"Metadata": "true"})
	assert.True(t, strings.Contains(string(refused.Body), "newest-versions"))
}

func TestRenderLists(t *testing.T) {
	told := toldAlibaba()
	ask := func(path string) string {
		return string(direct{t: t, render: renderAlibaba, told: told}.ask(path, nil).Body)
	}
	assert.Equal(t, "02:48:05:00:ab:01/\n02:48:05:00:ab:02/\n02:48:05:00:ab:03/", ask("/latest/meta-data/network/interfaces/macs/"))
	assert.Equal(t, `["10.1.1.6","10.1.1.5","10.1.1.4"]`, ask("/latest/meta-data/network/interfaces/macs/02:48:05:00:ab:01/private-ipv4s"))
	assert.Equal(t, "[2001:db8:1:1::4,2001:db8:1:1::5]", ask("/latest/meta-data/network/interfaces/macs/02:48:05:00:ab:01/ipv6s"))
}
