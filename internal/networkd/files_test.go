package networkd

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestReadLinkFileOfRealSystemds(t *testing.T) {
	states247 := hostnet.States{
		hostnet.AdministrativeState: "configured", hostnet.OperationalState: "routable",
		hostnet.CarrierState: "carrier", hostnet.AddressState: "routable",
	}
	states := hostnet.States{
		hostnet.AdministrativeState: "configured", hostnet.OperationalState: "routable",
		hostnet.CarrierState: "carrier", hostnet.AddressState: "routable", hostnet.IPv4AddressState: "routable",
		hostnet.IPv6AddressState: "degraded", hostnet.OnlineState: "online",
	}
	for version, index := range captured() {
		t.Run(version, func(t *testing.T) {
			want := LinkFile{
				States: states, NetworkFile: "/etc/systemd/network/10-ens.network",
				LeastOnline: "degraded", DNS: []string{"10.4.0.1"}, NTP: []string{}, Domains: []string{},
			}
			if version == "systemd-247" {
				want.States = states247
			}
			got, err := ReadLinkFile(filepath.Join("testdata", version), index)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
	_, err := ReadLinkFile(filepath.Join("testdata", "systemd-252"), 99)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestReadManagerStatesOfRealSystemds(t *testing.T) {
	want := hostnet.States{
		hostnet.OperationalState: "routable", hostnet.CarrierState: "carrier", hostnet.AddressState: "routable",
	}
	got, err := ReadManagerStates(filepath.Join("testdata", "systemd-247"))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	want[hostnet.IPv4AddressState] = "routable"
	want[hostnet.IPv6AddressState] = "degraded"
	want[hostnet.OnlineState] = "online"
	for _, version := range []string{"systemd-252", "systemd-257"} {
		got, err = ReadManagerStates(filepath.Join("testdata", version))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err = ReadManagerStates(t.TempDir())
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestParseLinkFile(t *testing.T) {
	tests := []struct {
		name string
		text string
		want LinkFile
	}{
		{"empty", "", LinkFile{States: hostnet.States{}}},
		{
			"unmanaged", "ADMIN_STATE=unmanaged\nOPER_STATE=carrier\nCARRIER_STATE=carrier\nADDRESS_STATE=off\n",
			LinkFile{States: hostnet.States{
				hostnet.AdministrativeState: "unmanaged", hostnet.OperationalState: "carrier",
				hostnet.CarrierState: "carrier", hostnet.AddressState: "off",
			}},
		},
		{"online with one word", "REQUIRED_OPER_STATE_FOR_ONLINE=carrier", LinkFile{States: hostnet.States{}, LeastOnline: "carrier"}},
		{"online with two", "REQUIRED_OPER_STATE_FOR_ONLINE=carrier:routable", LinkFile{States: hostnet.States{}, LeastOnline: "carrier"}},
		{"online with what is no state", "REQUIRED_OPER_STATE_FOR_ONLINE=yes:routable", LinkFile{
			States: hostnet.States{}, Rejected: []string{`REQUIRED_OPER_STATE_FOR_ONLINE: "yes" is not an operational state`},
		}},
		{
			"name servers", "DNS=192.0.2.1 192.0.2.2:853%eth0#dns.example [2001:db8::1]:53 fe80::1%2",
			LinkFile{States: hostnet.States{}, DNS: []string{
				"192.0.2.1", "192.0.2.2:853%eth0#dns.example", "[2001:db8::1]:53", "fe80::1%2",
			}},
		},
		{
			"time servers and domains",
			"NTP=192.0.2.1 ntp.example 2001:db8::1\nDOMAINS=example.test\nROUTE_DOMAINS=. corp.example\n",
			LinkFile{
				States: hostnet.States{}, NTP: []string{"192.0.2.1", "ntp.example", "2001:db8::1"},
				Domains: []string{"example.test"},
			},
		},
		{
			"words that are no states", "OPER_STATE=../../tmp\nADMIN_STATE=routable\nCARRIER_STATE=\n",
			LinkFile{States: hostnet.States{}, Rejected: []string{
				`OPER_STATE: "../../tmp" is not a state`, `ADMIN_STATE: "routable" is not a state`,
				`CARRIER_STATE: "" is not a state`,
			}},
		},
		{
			"values from a hostile server", "DNS=$(reboot) 192.0.2.1#a;b 192.0.2.1%`x`\nDOMAINS=. a'b\nNTP=x|y fe80::1%eth0\n" +
				"NETWORK_FILE=\"/x\ny\"\n",
			LinkFile{
				States: hostnet.States{}, DNS: []string{}, Domains: []string{}, NTP: []string{},
				Rejected: []string{
					`DNS: "$(reboot)" is not a name server`,
					`DNS: "192.0.2.1#a;b" is not a name server`,
					"DNS: \"192.0.2.1%`x`\" is not a name server",
					`DOMAINS: "." is not a domain name`,
					`DOMAINS: "a'b" is not a domain name`,
					`NTP: "x|y" is not an address or a domain name`,
					`NTP: "fe80::1%eth0" is not an address or a domain name`,
					`NETWORK_FILE: "/x\ny" is not a path`,
				},
			},
		},
		{"relative file", "NETWORK_FILE=x.network", LinkFile{
			States: hostnet.States{}, Rejected: []string{`NETWORK_FILE: "x.network" is not a path`},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, parseLinkFile([]byte(tt.text)))
		})
	}
}

func TestFacts(t *testing.T) {
	link := LinkFile{
		NetworkFile: "/run/systemd/network/a.network", DNS: []string{"192.0.2.1"}, NTP: []string{"192.0.2.3"},
		Domains: []string{"example.test"},
	}
	lease := Lease{DNS: []netip.Addr{netip.MustParseAddr("192.0.2.2")}, DomainSearch: []string{"corp.example"}}
	assert.Equal(t, hostnet.NetworkFacts{
		NetworkFile: "/run/systemd/network/a.network", DNS: []string{"192.0.2.1"}, NTP: []string{"192.0.2.3"},
		Domains: []string{"example.test"}, DomainSearch: []string{"corp.example"},
	}, Facts(link, lease))
}

func FuzzParseLinkFile(f *testing.F) {
	for version, index := range captured() {
		raw, err := os.ReadFile(filepath.Join("testdata", version, "links", strconv.Itoa(index)))
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte("DNS=[2001:db8::1]:53%eth0#dns.example\nONLINE_STATE=\nDOMAINS=. x\nNTP=a 1.1.1.1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := parseLinkFile(raw)
		for property, state := range file.States {
			assert.True(t, hostnet.IsState(property, state), "%s=%q", property, state)
		}
		for _, list := range [][]string{file.DNS, file.NTP, file.Domains} {
			for _, word := range list {
				assert.NotEmpty(t, word)
				assert.NotContains(t, word, " ")
				assert.True(t, hostnet.PrintableText(word, maxValueBytes), "%q", word)
			}
		}
		assert.True(t, hostnet.PrintableText(file.NetworkFile, maxWordBytes), "%q", file.NetworkFile)
	})
}
