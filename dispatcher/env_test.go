package dispatcher

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	basicPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	basicLang = "LANG=C.UTF-8"
)

func TestEnviron(t *testing.T) {
	tests := []struct {
		name    string
		in      Input
		want    []string
		omitted []string
	}{
		{
			name: "a transition that is over already",
			in: Input{
				Event: hostnet.Event{
					ID: "b-7", Seq: 7, Kind: hostnet.KindState, Index: 131, Link: "old",
					Property: hostnet.OperationalState, State: "no-carrier", Previous: "routable",
				},
				Link: "eth0",
				States: hostnet.States{
					hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured",
					hostnet.CarrierState: "carrier", hostnet.AddressState: "routable",
					hostnet.IPv4AddressState: "routable", hostnet.IPv6AddressState: "degraded", hostnet.OnlineState: "",
				},
				Lease:    "ADDRESS=192.0.2.7 DNS=192.0.2.53",
				DNS:      "192.0.2.53",
				Domain:   "example.net",
				JSON:     []byte(`{"Name":"eth0"}`),
				JSONFile: "/run/netbrk/hooks/131.json",
			},
			want: []string{
				basicPath, basicLang, "LINK=eth0", "LINKINDEX=131",
				"STATE=no-carrier", "PREVIOUS_STATE=routable", "CURRENT_STATE=routable",
				"OperationalState=no-carrier", "AdministrativeState=configured", "CarrierState=carrier",
				"AddressState=routable", "IPv4AddressState=routable", "IPv6AddressState=degraded",
				"DHCP_LEASE=ADDRESS=192.0.2.7 DNS=192.0.2.53", "DNS=192.0.2.53", "DOMAIN=example.net",
				`JSON={"Name":"eth0"}`, "JSON_FILE=/run/netbrk/hooks/131.json",
				"EVENT_ID=b-7", "SEQNUM=7", "COALESCED=0",
			},
		},
		{
			name: "an administrative transition has the current state of its own property",
			in: Input{
				Event: hostnet.Event{
					Seq: 8, Kind: hostnet.KindState, Index: 2, Property: hostnet.AdministrativeState,
					State: "configured", Previous: "configuring", Coalesced: 3,
				},
				Link:   "eth0",
				States: hostnet.States{hostnet.OperationalState: "routable", hostnet.AdministrativeState: "failed"},
			},
			want: []string{
				basicPath, basicLang, "LINK=eth0", "LINKINDEX=2",
				"STATE=configured", "PREVIOUS_STATE=configuring", "CURRENT_STATE=failed",
				"OperationalState=routable", "AdministrativeState=configured",
				"SEQNUM=8", "COALESCED=3",
			},
		},
		{
			name: "networkd's manager is no link",
			in: Input{
				Event: hostnet.Event{
					Seq: 9, Kind: hostnet.KindManager, Property: hostnet.OperationalState, State: "routable", Previous: "degraded",
				},
				States: hostnet.States{hostnet.OperationalState: "routable", hostnet.OnlineState: "online"},
			},
			want: []string{
				basicPath, basicLang,
				"STATE=routable", "PREVIOUS_STATE=degraded", "CURRENT_STATE=routable",
				"OperationalState=routable", "OnlineState=online", "SEQNUM=9", "COALESCED=0",
			},
		},
		{
			name: "rules are the host's",
			in:   Input{Event: hostnet.Event{Seq: 10, Kind: hostnet.KindRules, Action: hostnet.ActionChanged}},
			want: []string{basicPath, basicLang, "SEQNUM=10", "COALESCED=0", "ACTION=changed"},
		},
		{
			name: "a route without a link",
			in: Input{Event: hostnet.Event{
				Seq: 11, Kind: hostnet.KindRoutes, Action: hostnet.ActionAdded, Route: "blackhole 198.51.100.0/24",
			}},
			want: []string{
				basicPath, basicLang, "LINKINDEX=0", "SEQNUM=11", "COALESCED=0", "ACTION=added",
				"ROUTE=blackhole 198.51.100.0/24",
			},
		},
		{
			name: "an address",
			in: Input{
				Event: hostnet.Event{
					Seq: 12, Kind: hostnet.KindAddresses, Index: 2, Action: hostnet.ActionRemoved, Address: "192.0.2.7/24",
				},
				Link:   "eth0",
				States: hostnet.States{hostnet.OperationalState: "degraded"},
			},
			want: []string{
				basicPath, basicLang, "LINK=eth0", "LINKINDEX=2", "CURRENT_STATE=degraded", "OperationalState=degraded",
				"SEQNUM=12", "COALESCED=0", "ACTION=removed", "ADDRESS=192.0.2.7/24",
			},
		},
		{
			name: "a renamed link",
			in: Input{
				Event: hostnet.Event{
					Seq: 13, Kind: hostnet.KindLinks, Index: 2, Action: hostnet.ActionRenamed, PreviousLink: "eth0",
				},
				Link: "lan",
			},
			want: []string{
				basicPath, basicLang, "LINK=lan", "LINKINDEX=2", "PREVIOUS_LINK=eth0",
				"SEQNUM=13", "COALESCED=0", "ACTION=renamed",
			},
		},
		{
			name: "what would begin another variable or move a cursor stays out",
			in: Input{
				Event:    hostnet.Event{Seq: 14, Kind: hostnet.KindLeases, Index: 2, Action: hostnet.ActionChanged},
				Link:     "eth0",
				Lease:    "ADDRESS=192.0.2.7\nLD_PRELOAD=/tmp/x.so",
				DNS:      "192.0.2.53\x00",
				Domain:   "\x1b[2Jexample.net",
				JSON:     []byte("{\n}"),
				JSONFile: "/run/netbrk/x\x7f",
			},
			want: []string{
				basicPath, basicLang, "LINK=eth0", "LINKINDEX=2", "SEQNUM=14", "COALESCED=0", "ACTION=changed",
			},
			omitted: []string{"DHCP_LEASE", "DNS", "DOMAIN", "JSON", "JSON_FILE"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, omitted := Environ(tt.in)
			assert.Equal(t, tt.want, env)
			assert.Equal(t, tt.omitted, omitted)
		})
	}
}

func TestEnvironSizes(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	in := Input{
		Event: hostnet.Event{Kind: hostnet.KindLeases, Index: 2, Action: hostnet.ActionAdded},
		JSON:  []byte(long(maxArgStrlen - len("JSON=\x00"))),
		Lease: long(maxValue), DNS: long(maxValue), Domain: long(maxValue), JSONFile: long(maxValue),
	}
	env, omitted := Environ(in)
	assert.Empty(t, omitted)
	total := 0
	for _, s := range env {
		assert.LessOrEqual(t, len(s)+1, maxArgStrlen)
		total += len(s) + 1
	}
	assert.Less(t, total, 256<<10)

	in.JSON = append(in.JSON, 'x')
	in.Lease += "x"
	env, omitted = Environ(in)
	assert.Equal(t, []string{"DHCP_LEASE", "JSON"}, omitted)
	for _, s := range env {
		assert.NotContains(t, []string{"JSON", "DHCP_LEASE"}, strings.SplitN(s, "=", 2)[0])
	}
}

// FuzzEnviron hands a hook, and a script of networkd-dispatcher's, whatever event the
// spool can hold and whatever a lease and a link can say. What comes out is an
// environment that execve(2) takes, of known variables, each once.
func FuzzEnviron(f *testing.F) {
	for _, event := range []string{
		`{"id":"k1-7","seq":7,"kind":"state","ifindex":3,"property":"OperationalState","state":"routable","previous":"carrier"}`,
		`{"kind":"links","ifindex":3,"previous_link":"$(reboot)","action":"renamed"}`,
		`{"kind":"links","ifindex":3,"previous_link":"wg-0.1@x","action":"renamed","coalesced":3}`,
		`{"kind":"links","ifindex":3,"link":"eth0","action":"removed"}`,
		`{"kind":"routes","action":"added","route":"default via 192.0.2.1"}`, `{"kind":"rules","action":"changed"}`,
		`{"kind":"manager","property":"OperationalState","state":"routable"}`,
	} {
		f.Add([]byte(event), "eth0", "ADDRESS=192.0.2.7 DNS=192.0.2.53", "192.0.2.53", "example.net", []byte(`{"Name":"eth0"}`), "routable")
		f.Add([]byte(event), "$(id)", "A=b\nLD_PRELOAD=/x", "\x00", "\x1b]0;x\x07", []byte("{\n}"), "../x")
	}
	known := strings.Fields("PATH LANG LINK LINKINDEX PREVIOUS_LINK STATE PREVIOUS_STATE CURRENT_STATE DHCP_LEASE DNS DOMAIN JSON JSON_FILE " +
		"EVENT_ID SEQNUM COALESCED ACTION ADDRESS ROUTE IFACE ADDR IP_ADDRS IP6_ADDRS ESSID json")
	for _, p := range hostnet.Properties() {
		known = append(known, string(p))
	}
	f.Fuzz(func(t *testing.T, raw []byte, link, lease, dns, domain string, doc []byte, word string) {
		ev, err := hostnet.ParseEvent(raw)
		if err != nil {
			return
		}
		in := Input{Event: ev, Link: link, Lease: lease, DNS: dns, Domain: domain, JSON: doc, JSONFile: "/run/netbrk/hooks/json/1-7.json"}
		in.States = hostnet.States{hostnet.OperationalState: word, hostnet.CarrierState: word}
		for _, hook := range []Hook{{}, {NetworkdDispatcher: true}} {
			env, _ := hook.Environ(in)
			total, seen := 0, map[string]bool{}
			for _, v := range env {
				name, value, found := strings.Cut(v, "=")
				assert.True(t, found)
				assert.Contains(t, known, name)
				assert.False(t, seen[name], "%s twice", name)
				seen[name] = true
				assert.False(t, strings.ContainsFunc(value, isControl), "%q", v)
				assert.Less(t, len(v), maxArgStrlen)
				total += len(v) + 1
				switch name {
				case "STATE", "PREVIOUS_STATE", "ACTION", "EVENT_ID", "SEQNUM", "COALESCED", "LINKINDEX", "ADDRESS", "ROUTE":
					assert.False(t, strings.ContainsAny(value, "$`;|&<>(){}[]*?!~#'\"\\"), "the watcher's word: %q", v)
				case "PREVIOUS_LINK":
					assert.True(t, hostnet.ValidLinkName(value), "%q", v)
				}
			}
			assert.Less(t, total, 512<<10)
			assert.Subset(t, env, []string{basicPath, basicLang})
		}
	})
}
