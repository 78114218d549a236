package imdstest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/openstack"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func openStackSystem() hostnet.System {
	return hostnet.System{
		Provider: "openstack", InstanceID: "d8e02d56-2648-49a3-bf97-6be8f1204f38", Name: "test", Hostname: "test.novalocal",
		Zone: "nova", Account: "f7ac731cc11f40efbc03a9f9e1d1d21f", SSHKeys: []string{"ssh-ed25519 AAAA a", "ssh-rsa BBBB b"},
		Details: []hostnet.Detail{{Key: "launch index", Value: "0"}},
	}
}

func TestOpenStack(t *testing.T) {
	first := hostnet.NIC{
		MAC: "fa:16:3e:9c:bf:3d", ID: "1a81968a-797a-400f-8a80-567f997eb93f", Primary: true, Static: true, MTUBytes: 1450,
		Addresses: []hostnet.CloudAddress{
			at("10.184.0.244/20", hostnet.RolePrimary), at("10.184.0.245/20", hostnet.RoleSecondary), at("2001:db8::5/64", hostnet.RolePrimary),
		},
		Subnets:  prefixes("10.184.0.0/20", "2001:db8::/64"),
		Gateway4: addr("10.184.0.1"), Gateway6: addr("fe80::1"),
		Routes: []hostnet.CloudRoute{{Destination: prefixes("10.0.0.0/8")[0], Gateway: addr("10.184.0.1")}},
	}
	second := hostnet.NIC{
		MAC: "fa:16:3e:d4:57:ad", ID: "2b92079b-8a8b-511a-9b91-678a008fc04a", Static: true,
		Addresses: []hostnet.CloudAddress{at("192.168.7.5/24", hostnet.RolePrimary)}, Subnets: prefixes("192.168.7.0/24"),
	}
	served := hostnet.NIC{
		MAC: "fa:16:3e:d4:57:ae", ID: "v0", Primary: true, Gateway4: addr("192.168.8.1"),
		Addresses: []hostnet.CloudAddress{at("192.168.8.5/24", hostnet.RoleSecondary), at("2001:db8:1::5/64", hostnet.RolePrimary)},
		Subnets:   prefixes("192.168.8.0/24", "2001:db8:1::/64"),
	}
	only6 := hostnet.NIC{
		MAC: "fa:16:3e:d4:57:af", ID: "v1", Primary: true, Gateway6: addr("fe80::1"), Subnets: prefixes("2001:db8:2::/64"),
		Addresses: []hostnet.CloudAddress{at("2001:db8:2::5/64", hostnet.RolePrimary), at("2001:db8:2::6/64", hostnet.RoleSecondary)},
	}
	hidden6 := only6
	hidden6.Addresses = []hostnet.CloudAddress{at("2001:db8:2::6/64", hostnet.RoleSecondary)}
	for _, tt := range []struct {
		name string
		nics []hostnet.NIC
	}{
		{"one NIC", []hostnet.NIC{first}},
		{"two NICs", []hostnet.NIC{first, second}},
		{"primary second", []hostnet.NIC{second, first}},
		{"DHCP and a secondary", []hostnet.NIC{served}},
		{"IPv6 alone", []hostnet.NIC{only6}},
		{"DHCPv6 and a secondary", []hostnet.NIC{hidden6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			roundTrip(t, openstack.Provider{}, renderOpenStack, hostnet.Metadata{System: openStackSystem(), NICs: tt.nics})
		})
	}
}

// TestOpenStackDHCP has the primary address, which the cloud does not tell.
func TestOpenStackDHCP(t *testing.T) {
	nic := hostnet.NIC{
		MAC: "fa:16:3e:9c:bf:3d", ID: "v0", Primary: true, MTUBytes: 1450, Gateway4: addr("10.184.0.1"),
		Addresses: []hostnet.CloudAddress{at("10.184.0.244/20", hostnet.RolePrimary)}, Subnets: prefixes("10.184.0.0/20"),
	}
	told := hostnet.Metadata{System: openStackSystem(), NICs: []hostnet.NIC{nic}}
	p := openstack.Provider{}
	got, err := p.Fetch(t.Context(), direct{t, p.Endpoint(), renderOpenStack, told})
	require.NoError(t, err)
	assert.Equal(t, []hostnet.NIC{{MAC: nic.MAC, ID: nic.ID, Primary: true, MTUBytes: 1450}}, got.NICs)
}

func TestOpenStackPaths(t *testing.T) {
	for path, want := range map[string]int{
		"/openstack": http.StatusOK, "/openstack/latest/user_data": http.StatusNotFound, "/latest/meta-data/": http.StatusNotFound,
	} {
		assert.Equal(t, want, renderOpenStack(hostnet.Metadata{}, httptest.NewRequest(http.MethodGet, path, nil)).Status, path)
	}
}
