package hostnet

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseEvent(t *testing.T) {
	tests := []struct {
		name string
		raw  string
		err  string // empty: an event
	}{
		{"state", `{"kind":"state","ifindex":3,"link":"eth0","property":"OperationalState","state":"routable","previous":"carrier"}`, ""},
		{"state after a silent one", `{"kind":"state","ifindex":3,"property":"AdministrativeState","state":"configuring","previous":"initialized"}`, ""},
		{"manager", `{"kind":"manager","property":"OperationalState","state":"degraded"}`, ""},
		{"rename", `{"kind":"links","ifindex":3,"link":"eth1","previous_link":"eth0","action":"renamed"}`, ""},
		{"rules", `{"kind":"rules","action":"added"}`, ""},
		{"merged routes", `{"kind":"routes","ifindex":3,"action":"changed","coalesced":4}`, ""},
		{"point to point", `{"kind":"addresses","ifindex":3,"action":"added","address":"192.0.2.1 peer 192.0.2.2/32"}`, ""},
		{"route by the other family", `{"kind":"routes","ifindex":3,"action":"added","route":"default via inet6 fe80::1 metric 1024"}`, ""},
		{"route", `{"kind":"routes","ifindex":3,"action":"added","route":"2001:db8::/32 via fe80::1 table 10002 src 2001:db8::7 metric 1024"}`, ""},
		{"route without a link", `{"kind":"routes","action":"removed","route":"blackhole 198.51.100.0/24"}`, ""},
		{"not JSON", `routable`, "parsing event"},
		{"two documents", `{"kind":"rules","action":"added"} {}`, "parsing event"},
		{"wrong type", `{"kind":"rules","ifindex":"3"}`, "parsing event"},
		{"unknown kind", `{"kind":"../etc","ifindex":3}`, `kind "../etc" is unknown`},
		{"no kind", `{}`, `kind "" is unknown`},
		{"negative ifindex", `{"kind":"links","ifindex":-1,"action":"added"}`, "out of range"},
		{"ifindex too large", `{"kind":"links","ifindex":2147483648,"action":"added"}`, "out of range"},
		{"unknown action", `{"kind":"links","ifindex":3,"action":"exploded"}`, "action"},
		{"negative count", `{"kind":"rules","action":"added","coalesced":-1}`, "negative"},
		{"link name with slash", `{"kind":"links","ifindex":3,"action":"added","link":"../x"}`, "link name"},
		{"former name with newline", `{"kind":"links","ifindex":3,"action":"renamed","previous_link":"a\nb"}`, "link name"},
		{"identity with escape", `{"kind":"rules","action":"added","id":"a\u001b[2J"}`, "identity"},
		{"identity with a command", `{"kind":"rules","action":"added","id":"x-$(reboot)"}`, "identity"},
		{"route too long", `{"kind":"routes","action":"added","route":"` + strings.Repeat("0", 257) + `/8"}`, "route"},
		{"route with a command", `{"kind":"routes","action":"added","route":"default via 192.0.2.1 dev $(reboot)"}`, "route"},
		{"route by another family alone", `{"kind":"routes","action":"added","route":"default via inet6"}`, "route"},
		{"route without an end", `{"kind":"routes","action":"added","route":"192.0.2.0/24 via"}`, "route"},
		{"route of two words", `{"kind":"routes","action":"added","route":"default\u00a0metric 1"}`, "route"},
		{"route of a type alone", `{"kind":"routes","action":"added","route":"blackhole"}`, "route"},
		{"word that is no state", `{"kind":"state","ifindex":3,"property":"OperationalState","state":"../../tmp"}`, "is not one of"},
		{"silent state of the other property", `{"kind":"state","ifindex":3,"property":"OperationalState","state":"pending"}`, "is not one of"},
		{"state of the other property", `{"kind":"state","ifindex":3,"property":"AdministrativeState","state":"routable"}`, "is not one of"},
		{"address that is none", `{"kind":"leases","ifindex":3,"action":"added","address":"$(reboot)"}`, "is none"},
		{"address without a prefix", `{"kind":"addresses","ifindex":3,"action":"added","address":"192.0.2.1"}`, "is none"},
		{"address with a zone", `{"kind":"addresses","ifindex":3,"action":"added","address":"fe80::1%$(reboot) peer fe80::2/128"}`, "is none"},
		{"peer that is none", `{"kind":"addresses","ifindex":3,"action":"added","address":"192.0.2.1 peer x"}`, "is none"},
		{"property without hooks", `{"kind":"state","ifindex":3,"property":"AddressState","state":"routable"}`, "has no hooks"},
		{"unknown previous state", `{"kind":"state","ifindex":3,"property":"OperationalState","state":"routable","previous":"x"}`, "previous"},
		{"state without link", `{"kind":"state","property":"OperationalState","state":"routable"}`, "names no link"},
		{"links without link", `{"kind":"links","action":"added"}`, "names no link"},
		{"addresses without action", `{"kind":"addresses","ifindex":3}`, "no action"},
		{"manager with link", `{"kind":"manager","ifindex":3,"property":"OperationalState","state":"degraded"}`, "names ifindex"},
		{"manager with unknown state", `{"kind":"manager","property":"OperationalState","state":"$(id)"}`, "unknown"},
		{"state in another kind", `{"kind":"links","ifindex":3,"action":"added","state":"a\nLD_PRELOAD=x"}`, "tells a state"},
		{"previous state in another kind", `{"kind":"rules","action":"added","previous":"x"}`, "tells a state"},
		{"property in another kind", `{"kind":"routes","action":"added","property":"PATH"}`, "tells a state"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := ParseEvent([]byte(tt.raw))
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				assert.Zero(t, ev)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, Directories(), ev.Directory())
		})
	}
}

// FuzzParseEvent checks that whatever is taken for an event can reach a hook:
// its directory is one of our own words, its texts fit an environment, and it
// is the same event when it is written and read again.
func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"id":"x-1","seq":1,"time":"2026-11-23T03:13:49Z","kind":"state","ifindex":3,"property":"OperationalState","state":"routable"}`))
	f.Add([]byte(`{"kind":"links","ifindex":3,"link":"eth1","previous_link":"eth0","action":"renamed"}`))
	f.Add([]byte(`{"kind":"rules","action":"added","state":"a\u0000b"}`))
	f.Add([]byte(`{"kind":"routes","ifindex":3,"action":"added","route":"unreachable default via 192.0.2.1 table 7 src 192.0.2.7 metric 9"}`))
	f.Add([]byte(`{"kind":"addresses","ifindex":3,"action":"added","address":"fe80::1 peer fe80::2%x/128","ByHand":true,"byhand":true}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ev, err := ParseEvent(raw)
		if err != nil {
			return
		}
		assert.Contains(t, append(Directories(), ""), ev.Directory())
		assert.LessOrEqual(t, ev.Index, math.MaxInt32)
		assert.False(t, ev.ByHand, "no file says so")
		for _, text := range []string{
			ev.ID, ev.Address, ev.Route, ev.State, ev.Previous, string(ev.Kind), string(ev.Action), string(ev.Property),
		} {
			assert.Regexp(t, `^[A-Za-z0-9.:/ -]*$`, text, "nothing in it may mean something to a shell")
			assert.LessOrEqual(t, len(text), maxText)
		}
		for _, name := range []string{ev.Link, ev.PreviousLink} {
			assert.True(t, name == "" || ValidLinkName(name), "%q", name)
			assert.False(t, strings.ContainsAny(name, "/ \x00\n\r\x1b"), "%q", name)
		}
		again, err := json.Marshal(ev)
		require.NoError(t, err)
		back, err := ParseEvent(again)
		require.NoError(t, err)
		assert.True(t, ev.Time.Equal(back.Time))
		ev.Time = back.Time
		assert.Equal(t, ev, back)
	})
}

// TestSilentStates: an event may tell of them, for networkd-dispatcher's scripts,
// but they have no hooks.
func TestSilentStates(t *testing.T) {
	for state, property := range map[string]Property{
		"missing": OperationalState, "pending": AdministrativeState,
		"initialized": AdministrativeState, "linger": AdministrativeState,
	} {
		ev := Event{Kind: KindState, Index: 3, Property: property, State: state}
		assert.NoError(t, ev.Validate(), state)
		assert.Empty(t, ev.Directory(), state)
		assert.True(t, IsDispatcherState(state), state)
		assert.False(t, IsLinkState(state), state)
	}
	assert.True(t, IsDispatcherState("routable"))
	assert.False(t, IsDispatcherState("../routable"))
	assert.False(t, IsDispatcherState(""))
}
