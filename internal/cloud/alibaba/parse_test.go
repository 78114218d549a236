package alibaba

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func parse(raw []byte) (hostnet.Metadata, error) { return Parse(cloudtest.Answers(raw)) }

func TestParse(t *testing.T) { cloudtest.Golden(t, ".txt", parse) }

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "\n", "eth0/\n", "<html>", `["00:16:3e:00:00:01"]`} {
		t.Run(text, func(t *testing.T) {
			_, err := Parse(cloud.Answers{Bodies: map[string][]byte{macsKey: []byte(text)}})
			assert.ErrorIs(t, err, cloud.ErrNotReady)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("00:16:3e:00:00:01/\n"), []byte("00:16:3e:00:00:01"), []byte(`["10.0.0.2","10.0.0.1"]`), []byte("10.0.0.1"), []byte("255.255.255.0"), []byte("[2001:db8::/80]"))
	f.Add([]byte("00163e000001"), []byte("00:16:3E:00:00:01"), []byte("10.0.0.1"), []byte("<null>"), []byte("10.0.0.0/24"), []byte("2001:db8::1"))
	for _, raw := range cloudtest.Documents(f, ".txt") {
		a := cloudtest.Answers(raw)
		directories, _ := nicDirectories(a)
		for _, d := range directories {
			f.Add(a.Bodies[macsKey], a.Bodies[macKey], a.Bodies[d+"private-ipv4s"], a.Bodies[d+"gateway"], a.Bodies[d+"netmask"], a.Bodies[d+"ipv6s"])
		}
	}
	f.Fuzz(func(t *testing.T, macs, mac, list, addr, subnet, six []byte) {
		a := cloud.Answers{Bodies: map[string][]byte{
			rootKey: []byte("instance/\nhostname\neipv4\n"), macsKey: macs, macKey: mac, rootKey + "hostname": list, rootKey + "eipv4": addr,
		}}
		directories, _ := nicDirectories(a)
		for _, directory := range directories {
			for name, body := range map[string][]byte{
				"":              []byte("private-ipv4s\nprimary-ip-address\ngateway\nnetmask\nipv6s\nipv6-prefixes\nipv4-prefixes\nvswitch-ipv6-cidr-block"),
				"private-ipv4s": list, "primary-ip-address": addr, "gateway": addr, "netmask": subnet, "ipv4-prefixes": subnet,
				"ipv6s": six, "ipv6-prefixes": six, "vswitch-ipv6-cidr-block": six,
			} {
				a.Bodies[directory+name] = body
			}
		}
		if m, err := Parse(a); err == nil {
			cloudtest.Check(t, m)
		}
	})
}

// TestEntries: a name and the directory of that name are one, and a slash is no name.
func TestEntries(t *testing.T) {
	a := cloud.Answers{Bodies: map[string][]byte{rootKey: []byte("instance-id\nnetwork/\n network\n/\n\nnetwork/\nzone-id")}}
	assert.Equal(t, []string{"instance-id", "network", "zone-id"}, entries(a, rootKey))
}
