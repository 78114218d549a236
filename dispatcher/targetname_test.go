package dispatcher

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/hosttest"
)

// TestTargetName has every odd name of a link escaped as systemd does.
func TestTargetName(t *testing.T) {
	escape, err := exec.LookPath("systemd-escape")
	if err != nil {
		hosttest.Lacks(t, "no systemd-escape on this machine")
	}
	for _, link := range []string{
		"eth0", "a-b", "wlan@1", ".x", "x.y", "a+b@c.d#$'*", "[a]?", `a\x2d`, "lö", "接口", "-", "...", "%i", "_", `"q"`, "eth0.100",
	} {
		require.True(t, hostnet.ValidLinkName(link), link)
		out, err := exec.Command(escape, "--template=netbrk-routable@.target", "--", link).Output()
		require.NoError(t, err, link)
		name := TargetName("routable", link)
		assert.Equal(t, strings.TrimSuffix(string(out), "\n"), name)
		state, instance, ok := parseTarget(name)
		assert.Equal(t, []any{"routable", instanceOf(link), true}, []any{state, instance, ok}, name)
		assert.False(t, strings.ContainsAny(name, "*?["), "%s is a pattern", name)
	}
}

func TestParseTarget(t *testing.T) {
	for _, name := range []string{
		"", "netbrk.target", "netbrk-routable.target", "netbrk-routable@eth0.service", "netbrk-pending@eth0.target",
		"netbrk-apply-rules@eth0.service", "routable@eth0.target", "netbrk-../routable@eth0.target", "netbrk-@eth0.target", "netbrk-*@eth0.target",
	} {
		_, _, ok := parseTarget(name)
		assert.False(t, ok, name)
	}
}

func TestTargetSteps(t *testing.T) {
	const op, admin = hostnet.OperationalState, hostnet.AdministrativeState
	for _, tt := range []struct {
		name        string
		active      string
		states      hostnet.States
		stop, start string
	}{
		{"first", "", hostnet.States{op: "carrier"}, "", "carrier"},
		{"next", "carrier", hostnet.States{op: "routable"}, "carrier", "routable"},
		{"again", "routable", hostnet.States{op: "routable"}, "", ""},
		{"the other property stays", "routable configured", hostnet.States{op: "off"}, "routable", "off"},
		{"the other property changes", "routable configuring", hostnet.States{admin: "configured"}, "configuring", "configured"},
		{"two left over", "off carrier degraded", hostnet.States{op: "routable"}, "off carrier degraded", "routable"},
		{"one left over besides", "off routable", hostnet.States{op: "routable"}, "off", ""},
		{"both", "off", hostnet.States{op: "routable", admin: "configured"}, "off", "routable configured"},
		{"a state without a target", "routable configured", hostnet.States{op: "missing", admin: "pending"}, "routable configured", ""},
		{"gone", "routable configured", NoStates(), "routable configured", ""},
		{"gone and nothing there", "", NoStates(), "", ""},
		{"other properties", "routable", hostnet.States{hostnet.CarrierState: "off"}, "", ""},
		{"an unknown state is never a unit", "", hostnet.States{op: "../evil", admin: "routable.d"}, "", ""},
		{"nothing asked", "routable", hostnet.States{}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Of another link, and of units that are not ours to touch.
			active := []string{"netbrk-off@eth1.target", "netbrk-off@eth0.service", "netbrk-mine@eth0.target", "netbrk.target"}
			active = append(active, targetNames(tt.active)...)
			stop, start := targetSteps(active, "eth0", tt.states)
			assert.Equal(t, targetNames(tt.stop), stop)
			assert.Equal(t, targetNames(tt.start), start)
		})
	}
}

// targetNames are those of the states for eth0.
func targetNames(states string) (names []string) {
	for state := range strings.FieldsSeq(states) {
		names = append(names, TargetName(state, "eth0"))
	}
	return names
}

// FuzzTarget: the name of a link's target names one unit, in one way, and no
// pattern of several.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"eth0", "a-b", `a\x2d`, "接口", "%i", "[a]?", "*", ".x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		if !hostnet.ValidLinkName(link) {
			return
		}
		name := TargetName("routable", link)
		state, instance, ok := parseTarget(name)
		assert.Equal(t, []any{"routable", instanceOf(link), true}, []any{state, instance, ok}, name)
		assert.False(t, strings.ContainsAny(name, "*?[/% \n"), "%q", name)
	})
}
