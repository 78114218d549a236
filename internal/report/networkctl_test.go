package report_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestNetworkctl(t *testing.T) {
	addr := func(prefix string, scope uint8, flags uint32) hostnet.AddrDetails {
		return hostnet.AddrDetails{Addr: hostnet.Addr{Prefix: netip.MustParsePrefix(prefix), Scope: scope, Flags: flags}}
	}
	route := func(destination, gateway string, table int) hostnet.RouteDetails {
		return hostnet.RouteDetails{
			Destination: netip.MustParsePrefix(destination), Gateway: netip.MustParseAddr(gateway), Table: table,
		}
	}
	details := hostnet.LinkDetails{
		Link: hostnet.Link{Index: 3, Name: "ens5"}, HardwareAddr: "02:00:00:00:00:05", MTU: 1500, EncapType: "ether",
		Addresses: []hostnet.AddrDetails{
			addr("fe80::5/64", hostnet.ScopeLink, 0),
			addr("2001:db8::5/64", hostnet.ScopeGlobal, 0),
			addr("2001:db8::6/64", hostnet.ScopeGlobal, hostnet.AddrTentative),
			addr("2001:db8::7/64", hostnet.ScopeGlobal, hostnet.AddrDeprecated),
			addr("169.254.1.1/16", hostnet.ScopeLink, 0),
			addr("192.0.2.10/24", hostnet.ScopeGlobal, 0),
			addr("192.0.2.9/24", hostnet.ScopeGlobal, 0),
		},
		Routes: []hostnet.RouteDetails{
			route("::/0", "fe80::1", hostnet.TableMain), route("0.0.0.0/0", "192.0.2.1", hostnet.TableMain),
			route("0.0.0.0/0", "192.0.2.1", hostnet.TableMain), route("198.51.100.0/24", "192.0.2.2", hostnet.TableMain),
			route("0.0.0.0/0", "192.0.2.3", 10002),
		},
	}
	got := report.BuildNetworkctl(details, hostnet.DeviceFacts{Driver: "virtio_net"},
		hostnet.NetworkFacts{NetworkFile: "/etc/systemd/network/a<b>.network", DNS: []string{"192.0.2.53"}, Domains: []string{"example.net"}})
	got.SetStates(hostnet.States{
		hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured", hostnet.OnlineState: "online",
	})
	raw, err := got.JSON()
	require.NoError(t, err)
	assert.Equal(t, `{"Address":["192.0.2.9","192.0.2.10","169.254.1.1","2001:db8::5","fe80::5"],`+
		`"AdministrativeState":"configured","DNS":["192.0.2.53"],"Driver":["virtio_net"],"Gateway":["192.0.2.1","fe80::1"],`+
		`"Hardware Address":["02:00:00:00:00:05"],"InterfaceName":"ens5","Link File":["n/a"],"MTU":["1500"],`+
		`"Network File":["/etc/systemd/network/a<b>.network"],"Online state":["online"],"OperationalState":"routable",`+
		`"Search Domains":["example.net"],"State":"routable (configured)","Type":"ether"}`, string(raw))
	assert.Equal(t, "192.0.2.9", got.FirstAddress())

	wlan := report.BuildNetworkctl(details, hostnet.DeviceFacts{Type: "wlan"}, hostnet.NetworkFacts{})
	assert.Equal(t, "wlan", wlan.Type)
	assert.Empty(t, report.NetworkctlDocument{}.FirstAddress())
}
