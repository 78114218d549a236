package report

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// olderNICs are a primary NIC and a second one.
func olderNICs() []CloudLink {
	addr := netip.MustParseAddr
	return []CloudLink{
		{Index: 2, Link: "eth0", NIC: hostnet.NIC{
			MAC: "02:0a:00:00:00:01", ID: "eni-1", Primary: true, MTUBytes: 1460, Gateway4: addr("192.0.2.1"),
			Addresses: []hostnet.CloudAddress{
				{Addr: addr("192.0.2.10"), Bits: 24, Public: addr("198.51.100.1")},
				{Addr: addr("192.0.2.11"), Bits: 24}, {Addr: addr("2001:db8::10"), Bits: 64},
			},
			Ranges: []hostnet.CloudRange{
				{Prefix: netip.MustParsePrefix("10.1.0.0/28"), Kind: "alias"},
				{Prefix: netip.MustParsePrefix("198.51.100.9/32"), Kind: "forwarded"}, {Prefix: netip.MustParsePrefix("198.51.100.10/32"), Kind: "target"},
			},
			Subnets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")},
		}},
		{Index: 3, Link: "eth1", NIC: hostnet.NIC{MAC: "02:0a:00:00:00:02", ID: "eni-2", Device: 1}},
	}
}

func olderInstance(provider string) hostnet.System {
	return hostnet.System{
		Provider: provider, InstanceID: "17", Name: "vm", Hostname: "vm.example", Type: "large", Image: "img", Region: "r1", Zone: "r1-a",
		Account: "acc", Lifecycle: "preemptible", PublicIPv4: "198.51.100.1", SSHKeys: []string{"ssh-rsa AAAA alice", "ssh-rsa BBBB"},
		Details: []hostnet.Detail{{Key: "environment", Value: "AzurePublicCloud"}, {Key: "secure boot", Value: "true"}, {Key: "admin user", Value: "root"}},
		Project: &hostnet.Project{ID: "proj", Number: "123", Attributes: []string{"startup-script"}, ServiceAccount: "sa@x", Scopes: []string{"s1"}},
	}
}

// TestOlder has each document as the older tool's clients read it.
func TestOlder(t *testing.T) {
	for _, tt := range []struct{ name, provider, system, network string }{
		{"EC2", "aws", `{
			"ami-id": "img", "hostname": "vm.example", "instance-id": "17", "instance-life-cycle": "preemptible",
			"instance-type": "large", "local-hostname": "vm.example", "local-ipv4": "192.0.2.10", "mac": "02:0a:00:00:00:01",
			"placement": {"availability-zone": "r1-a", "region": "r1"}, "public-ipv4": "198.51.100.1",
			"public-keys": {"0=alice": "ssh-rsa AAAA alice", "1": "ssh-rsa BBBB"}
		}`, `{
			"02:0a:00:00:00:01": {
				"device-number": "0", "interface-id": "eni-1", "local-hostname": "vm.example", "local-ipv4s": "192.0.2.10,192.0.2.11",
				"ipv6s": "2001:db8::10", "mac": "02:0a:00:00:00:01", "public-ipv4s": "198.51.100.1", "subnet-ipv4-cidr-block": "192.0.2.0/24",
				"ipv4-associations": {"198.51.100.1": "192.0.2.10"}
			},
			"02:0a:00:00:00:02": {"device-number": "1", "interface-id": "eni-2", "mac": "02:0a:00:00:00:02"}
		}`},
		{"Azure", "azure", `{
			"compute": {
				"azEnvironment": "AzurePublicCloud", "location": "r1", "name": "vm", "osProfile": {"adminUsername": "root", "computerName": "vm.example"},
				"publicKeys": [{"keyData": "ssh-rsa AAAA alice"}, {"keyData": "ssh-rsa BBBB"}], "securityProfile": {"secureBootEnabled": "true"},
				"subscriptionId": "acc", "vmId": "17", "vmSize": "large", "zone": "r1-a"
			},
			"network": {"interface": [{
				"ipv4": {
					"ipAddress": [{"privateIpAddress": "192.0.2.10", "publicIpAddress": "198.51.100.1"}, {"privateIpAddress": "192.0.2.11"}],
					"subnet": [{"address": "192.0.2.0", "prefix": "24"}]
				},
				"ipv6": {"ipAddress": [{"privateIpAddress": "2001:db8::10"}], "subnet": [{"address": "2001:db8::", "prefix": "64"}]},
				"macAddress": "020A00000001"
			}, {"ipv4": {"ipAddress": []}, "ipv6": {"ipAddress": []}, "macAddress": "020A00000002"}]}
		}`, ""},
		{"Google", "gcp", `{
			"instance": {
				"hostname": "vm.example", "id": 17, "image": "img", "machineType": "projects/123/machineTypes/large", "name": "vm",
				"networkInterfaces": [{
					"accessConfigs": [{"externalIp": "198.51.100.1", "type": "ONE_TO_ONE_NAT"}], "forwardedIps": ["198.51.100.9"],
					"gateway": "192.0.2.1", "ip": "192.0.2.10", "ipAliases": ["10.1.0.0/28"], "ipv6s": ["2001:db8::10"],
					"mac": "02:0a:00:00:00:01", "mtu": 1460, "subnetmask": "255.255.255.0", "targetInstanceIps": ["198.51.100.10"]
				}, {"accessConfigs": [], "forwardedIps": [], "ipAliases": [], "mac": "02:0a:00:00:00:02", "targetInstanceIps": []}],
				"scheduling": {"preemptible": "TRUE"}, "serviceAccounts": {"default": {"aliases": ["default"], "email": "sa@x", "scopes": ["s1"]}},
				"zone": "projects/123/zones/r1-a"
			},
			"project": {"attributes": {"ssh-keys": "ssh-rsa AAAA alice\nssh-rsa BBBB"}, "numericProjectId": 123, "projectId": "proj"}
		}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.network == "" { // the older tool had one document
				tt.network = tt.system
			}
			for want, doc := range map[string]any{tt.system: OlderSystem(olderInstance(tt.provider), olderNICs()), tt.network: OlderNetwork(olderInstance(tt.provider), olderNICs())} {
				raw, err := json.Marshal(doc)
				require.NoError(t, err)
				assert.JSONEq(t, want, string(raw))
			}
		})
	}
}

// TestOlderElsewhere: what the older tool did not know is in netbrk's own form.
func TestOlderElsewhere(t *testing.T) {
	assert.Equal(t, olderInstance("hetzner"), OlderSystem(olderInstance("hetzner"), nil))
	assert.Equal(t, olderNICs(), OlderNetwork(olderInstance("hetzner"), olderNICs()))
	raw, err := json.Marshal(OlderNetwork(olderInstance("hetzner"), nil))
	require.NoError(t, err)
	assert.Equal(t, "[]", string(raw))
}

// TestOlderEmpty: an instance of which little is known has a document all the same.
func TestOlderEmpty(t *testing.T) {
	for _, provider := range []string{"aws", "azure", "gcp"} {
		nics := []CloudLink{{NIC: hostnet.NIC{MAC: "02:00:00:00:00:01", Primary: true}}}
		for _, doc := range []any{OlderSystem(hostnet.System{Provider: provider}, nics), OlderNetwork(hostnet.System{Provider: provider}, nics)} {
			raw, err := json.Marshal(doc)
			require.NoError(t, err)
			assert.NotContains(t, string(raw), "null", provider)
		}
	}
}

func TestMask(t *testing.T) {
	for bits, want := range map[int]string{0: "0.0.0.0", 8: "255.0.0.0", 20: "255.255.240.0", 32: "255.255.255.255"} {
		assert.Equal(t, want, mask(bits))
	}
}
