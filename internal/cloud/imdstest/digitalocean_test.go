package imdstest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud/digitalocean"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestDigitalOcean(t *testing.T) {
	sys := hostnet.System{
		Provider: "digitalocean", InstanceID: "2756294", Name: "web1", Hostname: "web1", Region: "ams3",
		SSHKeys: []string{"ssh-ed25519 AAAA a"},
	}
	public := hostnet.NIC{
		MAC: "04:01:2a:0f:2a:01", Primary: true,
		Addresses: []hostnet.CloudAddress{at("203.0.113.50/20", hostnet.RolePrimary), at("2001:db8:8:1::10/64", hostnet.RolePrimary)},
		Subnets:   prefixes("203.0.112.0/20", "2001:db8:8:1::/64"),
		Gateway4:  addr("203.0.113.1"), Gateway6: addr("2001:db8:8:1::1"),
	}
	private := hostnet.NIC{
		MAC: "04:01:2a:0f:2a:02", Addresses: []hostnet.CloudAddress{at("10.110.0.3/20", hostnet.RolePrimary)}, Subnets: prefixes("10.110.0.0/20"),
	}
	anchored := public
	anchor := at("10.18.0.5/16", hostnet.RoleAnchor)
	anchor.Public = addr("198.51.100.77")
	anchored.Addresses = append(anchored.Addresses[:2:2], anchor)
	anchored.Subnets = append(anchored.Subnets[:2:2], prefixes("10.18.0.0/16")...)

	facts := sys
	facts.PublicIPv4 = "203.0.113.50"
	reserved := facts
	reserved.InstanceID = "a-text"
	reserved.Details = []hostnet.Detail{
		{Key: "tags", Value: "web, production"}, {Key: "reserved IPv4", Value: "198.51.100.77"}, {Key: "reserved IPv6", Value: "2001:db8:77::77"},
	}
	for _, tt := range []struct {
		name string
		told hostnet.Metadata
	}{
		{"one NIC", hostnet.Metadata{System: facts, NICs: []hostnet.NIC{public}}},
		{"two NICs", hostnet.Metadata{System: facts, NICs: []hostnet.NIC{public, private}}},
		{"reserved", hostnet.Metadata{System: reserved, NICs: []hostnet.NIC{anchored, private}}},
		{"private ones", hostnet.Metadata{System: sys, NICs: []hostnet.NIC{private, {
			MAC: "04:01:2a:0f:2a:03", Addresses: []hostnet.CloudAddress{at("10.120.0.3/20", hostnet.RolePrimary)}, Subnets: prefixes("10.120.0.0/20"),
		}}}},
	} {
		t.Run(tt.name, func(t *testing.T) { roundTrip(t, digitalocean.Provider{}, renderDigitalOcean, tt.told) })
	}
	answer := renderDigitalOcean(hostnet.Metadata{}, httptest.NewRequest(http.MethodGet, "/metadata/v1/", nil))
	assert.Equal(t, http.StatusNotFound, answer.Status)
}
