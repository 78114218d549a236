package openstack

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func parseAnswers(raw []byte) (hostnet.Metadata, error) { return Parse(cloudtest.Answers(raw)) }

func parseNetwork(text string) (hostnet.Metadata, error) {
	return Parse(cloud.Answers{Bodies: map[string][]byte{networkData: []byte(text), metaData: []byte(`{"uuid":"1"}`)}})
}

func TestGolden(t *testing.T) { cloudtest.Golden(t, ".txtar", parseAnswers) }

// TestParseDHCP has what most instances are told: nothing of their addresses.
func TestParseDHCP(t *testing.T) {
	m, err := parseNetwork(`{"links":[{"id":"tap0","type":"ovs","mtu":1442,"vif_id":"v0","ethernet_mac_address":"fa:16:3e:00:00:01"},
		{"id":"tap1","type":"ovs","mtu":1442,"vif_id":"v1","ethernet_mac_address":"fa:16:3e:00:00:02"}],
		"networks":[{"link":"tap0","type":"ipv4_dhcp"},{"link":"tap0","type":"ipv6_dhcp"},{"link":"tap1","type":"ipv4_dhcp"}]}`)
	require.NoError(t, err)
	assert.Equal(t, []hostnet.NIC{
		{MAC: "fa:16:3e:00:00:01", ID: "v0", MTUBytes: 1442},
		{MAC: "fa:16:3e:00:00:02", ID: "v1", MTUBytes: 1442},
	}, m.NICs)
	assert.Empty(t, m.Missing)
}

func TestParseWithoutNetworks(t *testing.T) {
	const links = `{"links":[{"id":"tap0","ethernet_mac_address":"fa:16:3e:00:00:01"}]`
	for text, want := range map[string][]string{
		links + `}`: {"networks"}, links + `,"networks":null}`: {"networks"}, links + `,"networks":[]}`: nil,
	} {
		m, err := parseNetwork(text)
		require.NoError(t, err)
		require.Len(t, m.NICs, 1)
		assert.Equal(t, want, m.NICs[0].Missing, text)
	}
}

func TestPrimary(t *testing.T) {
	const links = `{"links":[{"id":"a","ethernet_mac_address":"fa:16:3e:00:00:01"},{"id":"b","ethernet_mac_address":"fa:16:3e:00:00:02"}],"networks":[`
	const plain = `{"link":"a","type":"ipv4","ip_address":"10.0.0.5","netmask":"24"},`
	for _, tt := range []struct {
		name, networks string
		want           int
	}{
		{"none", plain + `{"link":"b","type":"ipv4","ip_address":"10.1.0.5","netmask":"24"}`, -1},
		{"gateway", plain + `{"link":"b","type":"ipv4","ip_address":"10.1.0.5","netmask":"24","gateway":"10.1.0.1"}`, 1},
		{"route", plain + `{"link":"b","type":"ipv4","ip_address":"10.1.0.5","netmask":"24","routes":[{"network":"0.0.0.0/0","gateway":"10.1.0.1"}]}`, 1},
		{"IPv6", plain + `{"link":"b","type":"ipv6","ip_address":"2001:db8::5","netmask":"64","gateway":"fe80::1"}`, 1},
		{"IPv4 before IPv6", `{"link":"a","type":"ipv6","ip_address":"2001:db8::5","netmask":"64","gateway":"fe80::1"},
			{"link":"b","type":"ipv4","ip_address":"10.1.0.5","netmask":"24","gateway":"10.1.0.1"}`, 1},
		{"both", `{"link":"b","type":"ipv4","ip_address":"10.1.0.5","netmask":"24","gateway":"10.1.0.1"},
			{"link":"a","type":"ipv4","ip_address":"10.0.0.5","netmask":"24","gateway":"10.0.0.1"}`, 0},
		{"or that of DHCP", `{"link":"a","type":"ipv4_dhcp"},{"link":"b","type":"ipv4","ip_address":"10.1.0.5","netmask":"24","gateway":"10.1.0.1"}`, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := parseNetwork(links + tt.networks + "]}")
			require.NoError(t, err)
			assert.Equal(t, tt.want, slices.IndexFunc(m.NICs, func(n hostnet.NIC) bool { return n.Primary }))
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"no JSON", "<html>", cloud.ErrRefused},
		{"cut", `{"links":[{"id":"tap0","ethernet_mac`, cloud.ErrRefused},
		{"links of another kind", `{"links":{"id":"tap0"}}`, cloud.ErrRefused},
		{"networks of another kind", `{"links":[{"id":"a","ethernet_mac_address":"fa:16:3e:00:00:01"}],"networks":"none"}`, cloud.ErrRefused},
		{"empty", `{}`, cloud.ErrNotReady},
		{"no links", `{"links":[],"networks":[],"services":[]}`, cloud.ErrNotReady},
		{"VLANs alone", `{"links":[{"id":"v","type":"vlan","vlan_mac_address":"fa:16:3e:00:00:01"}]}`, cloud.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := parseNetwork(tt.text)
			assert.ErrorIs(t, err, tt.want)
			assert.Empty(t, m.NICs)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, raw := range cloudtest.Documents(f, ".txtar") {
		answers := cloudtest.Answers(raw)
		f.Add(answers.Bodies[networkData], answers.Bodies[metaData])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		m, err := Parse(cloud.Answers{Bodies: map[string][]byte{networkData: first, metaData: second}})
		if err != nil {
			return
		}
		// Of DHCP's addresses nothing is told.
		m.NICs = slices.DeleteFunc(m.NICs, func(n hostnet.NIC) bool { return len(n.Addresses)+len(n.Missing) == 0 })
		if len(m.NICs) > 0 {
			cloudtest.Check(t, m)
		}
	})
}
