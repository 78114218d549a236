package dispatcher

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestFindNetworkdDispatcher(t *testing.T) {
	r := newTree(t)
	r.script("etc/routable.d/20-both")
	r.script("usr/routable.d/20-both")
	r.script("usr/routable.d/10-first")
	r.file("usr/routable.d/30-private", "#!/bin/sh\n", 0o700) // refused by networkd-dispatcher
	r.file("usr/routable.d/40-open", "#!/bin/sh\n", 0o775)
	r.file("usr/routable.d/50-plain", "#!/bin/sh\n", 0o644)
	r.script("usr/routable.d/60-x.dpkg-old")
	r.script("usr/routable.d/eth0/70-not") // it looks into no subdirectory
	r.script("usr/linger.d/10-gone")
	finder := Finder{Roots: []string{r.at("etc"), r.at("usr")}, Trust: r.trust()}

	plan, err := finder.FindNetworkdDispatcher("routable")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"run R/usr/routable.d/10-first", "run R/etc/routable.d/20-both", "run R/usr/routable.d/30-private",
		"masked R/usr/routable.d/20-both: is hidden by R/etc/routable.d/20-both",
		"refused R/usr/routable.d/40-open: R/usr/routable.d/40-open is writable by group (mode 0775): chmod go-w R/usr/routable.d/40-open",
		"refused R/usr/routable.d/50-plain: R/usr/routable.d/50-plain is not executable (mode 0644): chmod +x R/usr/routable.d/50-plain",
	}, render(r, plan))
	for _, h := range plan.Hooks {
		assert.True(t, h.NetworkdDispatcher)
		assert.Equal(t, "routable.d", h.Directory)
	}

	plan, err = finder.FindNetworkdDispatcher("linger")
	require.NoError(t, err)
	assert.Equal(t, []string{"run R/usr/linger.d/10-gone"}, render(r, plan))

	for _, word := range []string{"", "addresses", "../etc/routable", "routable.d"} {
		_, err := finder.FindNetworkdDispatcher(word)
		assert.ErrorContains(t, err, "is not a state", word)
	}
}

func TestNetworkdDispatcherEvent(t *testing.T) {
	state := hostnet.Event{Kind: hostnet.KindState, Index: 2, Property: hostnet.OperationalState, State: "routable"}
	got, ok := NetworkdDispatcherEvent(state)
	assert.True(t, ok)
	assert.Equal(t, state, got)

	got, ok = NetworkdDispatcherEvent(hostnet.Event{ID: "b-1", Kind: hostnet.KindLinks, Index: 2, Link: "eth0", Action: hostnet.ActionRemoved})
	assert.True(t, ok)
	assert.Equal(t, hostnet.Event{
		ID: "b-1", Kind: hostnet.KindState, Index: 2, Link: "eth0", Property: hostnet.AdministrativeState, State: "linger",
	}, got)

	lease := state
	lease.Generator, lease.Action = hostnet.GeneratorDHClient, hostnet.ActionAdded
	for _, ev := range []hostnet.Event{
		lease,
		{Kind: hostnet.KindLinks, Index: 2, Action: hostnet.ActionAdded},
		{Kind: hostnet.KindAddresses, Index: 2, Action: hostnet.ActionAdded},
		{Kind: hostnet.KindManager, Property: hostnet.OperationalState, State: "routable"},
	} {
		_, ok := NetworkdDispatcherEvent(ev)
		assert.False(t, ok, "%+v", ev)
	}
}

func TestNetworkdDispatcherEnviron(t *testing.T) {
	hook := Hook{NetworkdDispatcher: true}
	routable := hostnet.Event{
		ID: "b-7", Seq: 7, Kind: hostnet.KindState, Index: 3, Property: hostnet.OperationalState, State: "routable",
	}
	tests := []struct {
		name    string
		in      Input
		want    []string
		omitted []string
	}{
		{
			name: "routable, and by now it is not",
			in: Input{
				Event: routable, Link: "ens5",
				States: hostnet.States{
					hostnet.OperationalState: "no-carrier", hostnet.AdministrativeState: "configuring", hostnet.OnlineState: "offline",
				},
				Networkctl: report.NetworkctlDocument{
					Link: "ens5", Type: "ether", MTU: []string{"1500"},
					Addresses: []string{"10.77.0.9", "169.254.7.7", "127.0.0.9", "2001:db8::9", "fe80::9", "::1"},
				},
			},
			want: []string{
				basicPath, basicLang, "IFACE=ens5", "STATE=routable", "AdministrativeState=configuring", "OperationalState=routable",
				"ADDR=10.77.0.9", "IP_ADDRS=10.77.0.9 169.254.7.7", "IP6_ADDRS=2001:db8::9 ::1", "ESSID=",
				`json={"Address":["10.77.0.9","169.254.7.7","127.0.0.9","2001:db8::9","fe80::9","::1"],` +
					`"AdministrativeState":"configuring","InterfaceName":"ens5","MTU":["1500"],"Online state":["offline"],` +
					`"OperationalState":"routable","State":"routable (configuring)","Type":"ether"}`,
				"EVENT_ID=b-7",
			},
		},
		{
			name: "a link that is gone",
			in:   Input{Event: hostnet.Event{Kind: hostnet.KindLinks, Index: 3, Action: hostnet.ActionRemoved}, Link: "ens5"},
			want: []string{
				basicPath, basicLang, "IFACE=ens5", "STATE=linger", "AdministrativeState=linger", "OperationalState=",
				"ADDR=", "IP_ADDRS=", "IP6_ADDRS=", "ESSID=",
				`json={"AdministrativeState":"linger","InterfaceName":"ens5","OperationalState":"","State":" (linger)"}`,
			},
		},
		{
			name: "more addresses than a variable holds",
			in: Input{Event: routable, Link: "ens5", Networkctl: report.NetworkctlDocument{
				Addresses: strings.Fields(strings.Repeat("192.0.2.100 ", 12000)),
			}},
			want: []string{
				basicPath, basicLang, "IFACE=ens5", "STATE=routable", "AdministrativeState=", "OperationalState=routable",
				"ADDR=192.0.2.100", "IP6_ADDRS=", "ESSID=", "EVENT_ID=b-7",
			},
			omitted: []string{"IP_ADDRS", "json"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env, omitted := hook.Environ(test.in)
			assert.Equal(t, test.want, env)
			assert.Equal(t, test.omitted, omitted)
		})
	}
}
