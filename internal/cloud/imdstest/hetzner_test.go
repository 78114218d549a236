package imdstest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud/hetzner"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestHetzner(t *testing.T) {
	sys := hostnet.System{
		Provider: "hetzner", InstanceID: "42", Name: "web1", Hostname: "web1", Region: "eu-central", Zone: "fsn1-dc14",
		SSHKeys: []string{`ssh-ed25519 AAAA "a"`},
	}
	facts := sys
	facts.PublicIPv4 = "203.0.113.42"
	six := at("2001:db8:9:1::1/64", hostnet.RolePrimary)
	public := hostnet.NIC{
		MAC: "96:00:00:08:19:da", Primary: true,
		Addresses: []hostnet.CloudAddress{{Addr: addr("203.0.113.42"), Role: hostnet.RolePrimary}, six},
		Subnets:   prefixes("2001:db8:9:1::/64"), Gateway6: addr("fe80::1"),
	}
	only6 := public
	only6.Addresses = []hostnet.CloudAddress{six}
	private := hostnet.NIC{
		MAC: "86:00:00:2a:7d:e0", ID: "1234", Gateway4: addr("10.0.0.1"),
		Addresses: []hostnet.CloudAddress{
			at("10.0.0.2/32", hostnet.RolePrimary), at("10.0.0.3/32", hostnet.RoleSecondary), at("10.0.0.4/32", hostnet.RoleSecondary),
		},
		Routes: []hostnet.CloudRoute{{Destination: prefixes("10.0.0.0/8")[0], Gateway: addr("10.0.0.1")}},
	}
	other := private
	other.MAC, other.ID, other.Addresses = "86:00:00:2a:7d:e1", "1235", private.Addresses[:1]
	alone := private
	alone.Primary = true
	for _, tt := range []struct {
		name string
		told hostnet.Metadata
	}{
		{"one NIC", hostnet.Metadata{System: facts, NICs: []hostnet.NIC{public}}},
		{"three NICs", hostnet.Metadata{System: facts, NICs: []hostnet.NIC{public, private, other}}},
		{"IPv6 alone", hostnet.Metadata{System: sys, NICs: []hostnet.NIC{only6}}},
		{"private ones", hostnet.Metadata{System: sys, NICs: []hostnet.NIC{alone, other}}},
	} {
		t.Run(tt.name, func(t *testing.T) { roundTrip(t, hetzner.Provider{}, renderHetzner, tt.told) })
	}
}

func TestHetznerLeaves(t *testing.T) {
	told := hostnet.Metadata{System: hostnet.System{InstanceID: "42", SSHKeys: []string{"ssh-ed25519 AAAA a"}}}
	for path, want := range map[string]Answer{
		"metadata/instance-id": {Status: http.StatusOK, Body: []byte("42")},
		"metadata/local-ipv4":  {Status: http.StatusOK, Body: []byte{}},
		"metadata/public-keys": {Status: http.StatusOK, Body: []byte(`["ssh-ed25519 AAAA a"]`)},
		"userdata":             {Status: http.StatusNoContent},
		"metadata/other":       {Status: http.StatusNotFound},
		"instance-id":          {Status: http.StatusNotFound},
	} {
		got := renderHetzner(told, httptest.NewRequest(http.MethodGet, "/hetzner/v1/"+path, nil))
		assert.Equal(t, want.Status, got.Status, path)
		if want.Body != nil {
			assert.Equal(t, want.Body, got.Body, path)
		}
	}
}
