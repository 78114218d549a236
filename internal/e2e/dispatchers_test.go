//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestDispatchers is netbrk beside the other dispatchers, and in the place of
// one, all of them real. The subtests share a machine; netbrk-watch runs only in
// those that start it.
func TestDispatchers(t *testing.T) {
	fleet := newFleet(t, prepareDispatchers)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"networkd-dispatcher runs netbrk", testRunByNetworkdDispatcher},
		{"chrony's scripts", testChrony},
		{"the same environment", testDispatcherEnvironment},
		{"two at once", testTwoDispatchers},
		{"NetworkManager runs netbrk", testRunByNetworkManager},
		{"watching NetworkManager", testWatchNetworkManager},
	} {
		t.Run(test.name, func(t *testing.T) { fleet.Each(t, test.run) })
	}
}

// Links called nmX are NetworkManager's, those called ensX networkd's.
func prepareDispatchers(ctx context.Context, m *Machine) error {
	if err := Install(ctx, m); err != nil {
		return err
	}
	if _, err := runMake(ctx, "install-dispatcher", "DESTDIR="+m.Root()); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"/etc/netbrk/netbrk.toml.d/10-rules.toml":   "[Network]\nRoutingPolicyRules = \"ens* nm*\"\n",
		"/etc/NetworkManager/conf.d/50-links.conf":  "[keyfile]\nunmanaged-devices=except:interface-name:nm*\n",
		"/etc/systemd/network/40-unmanaged.network": "[Match]\nName=nm*\n\n[Link]\nUnmanaged=yes\n",
		"/etc/chrony/e2e.conf":                      "server 10.77.0.1\nbindcmdaddress /run/chrony/chronyd.sock\npidfile /run/chrony/e2e.pid\n",
		"/etc/default/networkd-dispatcher":          "networkd_dispatcher_args=\"\"\n",
		"/etc/tmpfiles.d/e2e-hooks.conf":            "f /run/hooks.log 0644\n",
		"/etc/systemd/system/ndprobe.service":       "[Service]\nType=notify\nExecStart=/usr/bin/networkd-dispatcher -S /srv/probe\n",
		"/etc/systemd/system/chrony-e2e.service":    "[Service]\nType=forking\nRuntimeDirectory=chrony\nRuntimeDirectoryMode=0750\nExecStart=/usr/sbin/chronyd -x -u root -f /etc/chrony/e2e.conf\n",
	} {
		if err := m.WriteFile(name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// count returns how often the hooks of a directory ran for a link.
func (s script) count(dir, link string) int {
	return len(Of(s.ran(), link, dir))
}

// ruled waits until a link has rules, or has none.
func (s script) ruled(link string, want bool) {
	s.Helper()
	err := s.Machine.WaitNet(s.ctx, fmt.Sprintf("rules of %q: %t", link, want), func() (bool, error) {
		index, err := s.Machine.LinkIndex(link)
		if err != nil {
			return false, err
		}
		out, err := s.Machine.Run(s.ctx, "ip", "rule", "show")
		return strings.Contains(out, fmt.Sprintf("lookup %d proto netbrk", RouteTableBase+index)) == want, err
	})
	require.NoError(s, err)
}

// netbrk starts the watcher and all, with a configuration besides, for the time
// of the test.
func (s script) netbrk(config string) {
	s.Helper()
	const file = "/etc/netbrk/netbrk.toml.d/50-test.toml"
	require.NoError(s, s.Machine.WriteFile(file, []byte(config), 0o644))
	s.run("systemd-sysusers")
	s.run("systemd-tmpfiles", "--create")
	s.run("systemctl", "start", "netbrk.target")
	s.Cleanup(func() {
		stop := Modes()[0].stop + "; rm -rf /run/netbrk " + file
		_, err := s.Machine.Run(context.Background(), "sh", "-c", stop)
		assert.NoError(s, err)
	})
}

// start starts a unit for the time of the test.
func (s script) start(unit string) {
	s.Helper()
	s.run("systemctl", "start", unit)
	s.Cleanup(func() {
		_, err := s.Machine.Run(context.Background(), "systemctl", "stop", unit)
		assert.NoError(s, err)
	})
}

// flush takes back what a script of a dispatcher did, at the end of the test.
func (s script) flush() {
	s.Cleanup(func() {
		_, err := s.Machine.Run(context.Background(), "netbrk", "apply-rules", "--flush")
		assert.NoError(s, err)
	})
}

// testRunByNetworkdDispatcher has networkd-dispatcher run netbrk's hooks, and
// leave them alone while the watcher runs.
func testRunByNetworkdDispatcher(t *testing.T, w *World) {
	s := on(t, w)
	LogHooks(t, w.Machine)
	s.flush()
	s.start("networkd-dispatcher.service")
	port := w.Attach(t, Link{Name: "ens1", MAC: "02:00:00:00:30:01"})
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ens1", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	ran := s.has("routable.d", "ens1")
	assert.Equal(t, "routable", ran.Env["STATE"])
	assert.Regexp(t, `^manual-`, ran.Env["EVENT_ID"])
	s.has("configured.d", "ens1")
	s.ruled("ens1", true)
	require.NoError(t, port.Cut(s.ctx))
	s.has("no-carrier.d", "ens1")
	require.NoError(t, port.Restore(s.ctx))

	s.netbrk("")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ens1", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	s.clear()
	require.NoError(t, port.Cut(s.ctx))
	s.has("no-carrier.d", "ens1")
	require.NoError(t, port.Restore(s.ctx))
	s.has("routable.d", "ens1")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ens1", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	s.idle()
	for _, ran := range s.ran() {
		assert.NotContains(t, ran.Env["EVENT_ID"], "manual-", "run by networkd-dispatcher too: %s", ran)
	}
	assert.Equal(t, 1, s.count("no-carrier.d", "ens1"))
	assert.Equal(t, 1, s.count("routable.d", "ens1"))
}

// testChrony has netbrk run the scripts that chrony ships for networkd-dispatcher
// in its place: they tell chronyd that its source can be reached, or cannot.
func testChrony(t *testing.T, w *World) {
	s := on(t, w)
	s.start("chrony-e2e.service")
	sources := func(want string) {
		s.Helper()
		s.run("sh", "-c", "until chronyc -n activity | grep -qx '"+want+"'; do sleep 0.1; done")
	}
	s.run("chronyc", "offline")
	sources("1 sources offline")
	s.netbrk("[System]\nNetworkdDispatcher = true\n")
	w.Attach(t, Link{Name: "ens2", MAC: "02:00:00:00:30:02"})
	s.configured("ens2")
	sources("1 sources online")
	s.run("ip", "link", "set", "ens2", "down")
	s.has("off.d", "ens2")
	sources("1 sources offline")
	s.idle()
	journal, err := w.Machine.Journal(s.ctx, "netbrk-hooks.service")
	require.NoError(t, err)
	own := strings.Index(journal, `hook ran hook=/etc/netbrk/routable.d/50-log link=ens2`)
	theirs := strings.Index(journal, `hook ran hook=/usr/lib/networkd-dispatcher/routable.d/chrony-onoffline link=ens2`)
	assert.True(t, own >= 0 && own < theirs, "netbrk's own hooks first, then these:\n%s", journal)
	assert.Contains(t, journal, `hook ran hook=/usr/lib/networkd-dispatcher/off.d/chrony-onoffline link=ens2`)

	require.NoError(t, w.Machine.WriteFile("/etc/networkd-dispatcher/off.d/open", []byte("#!/bin/sh\n"), 0o755))
	s.run("chmod", "0777", "/etc/networkd-dispatcher/off.d/open")
	plan := s.run("netbrk", "run-hooks", "--link", "ens2", "--state", "off", "--dry-run")
	s.run("rm", "/etc/networkd-dispatcher/off.d/open")
	assert.Regexp(t, `(?m)^  run      /usr/lib/networkd-dispatcher/off.d/chrony-onoffline$`, plan)
	assert.Regexp(t, `(?m)^  refused  /etc/networkd-dispatcher/off.d/open: .*writable by group and others`, plan)
	assert.Regexp(t, `(?m)^  for the scripts of networkd-dispatcher:\n(  env      .*\n)*  env      IFACE=ens2\n  env      STATE=off$`, plan)
}

// dispatcherVariables are those of networkd-dispatcher.
var dispatcherVariables = []string{
	"IFACE", "STATE", "AdministrativeState", "OperationalState", "ADDR", "IP_ADDRS", "IP6_ADDRS", "ESSID", "json",
}

const (
	theirLog = "/run/theirs.log"
	ourLog   = "/run/ours.log"
)

// probe logs the environment of the scripts of networkd-dispatcher below base.
func (s script) probe(base, log string) {
	for _, state := range append(hostnet.LinkStates(), "pending", "initialized", "linger") {
		path := fmt.Sprintf("%s/%s.d/50-probe", base, state)
		require.NoError(s, s.Machine.WriteFile(path, fmt.Appendf(nil, logScript, state, log), 0o755))
	}
	s.Cleanup(func() {
		_, err := s.Machine.Run(context.Background(), "sh", "-c", "rm -f "+log+" "+base+"/*/50-probe")
		assert.NoError(s, err)
	})
}

// told waits until a probe has told of link what want asks for.
func (s script) told(log, link string, want func([]Ran) bool) []Ran {
	s.Helper()
	var runs []Ran
	err := s.Machine.WaitFile(s.ctx, log, func(content []byte) bool {
		runs = slices.DeleteFunc(parseRuns(content), func(r Ran) bool { return r.Env["IFACE"] != link })
		return want(runs)
	})
	require.NoError(s, err)
	return runs
}

// last returns the last run for a state.
func last(runs []Ran, state string) Ran {
	for _, r := range slices.Backward(runs) {
		if r.Env["STATE"] == state {
			return r
		}
	}
	return Ran{}
}

func tells(states ...string) func([]Ran) bool {
	return func(runs []Ran) bool {
		return !slices.ContainsFunc(states, func(state string) bool { return last(runs, state).Env == nil })
	}
}

// testDispatcherEnvironment runs the real networkd-dispatcher with scripts of its
// own beside netbrk, on the same events.
func testDispatcherEnvironment(t *testing.T, w *World) {
	s := on(t, w)
	s.probe("/srv/probe", theirLog)
	s.probe("/etc/networkd-dispatcher", ourLog)
	s.start("ndprobe.service")
	s.netbrk("[System]\nNetworkdDispatcher = true\n")
	require.NoError(t, w.Machine.WriteNetwork(s.ctx, "30-ens3.network", "[Match]\nName=ens3\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n"+
		"Address=10.77.0.7/24\nAddress=2001:db8:77::7/64\nDNS=10.77.0.53\nDomains=e2e.example\n"))
	port, err := w.Segment.Attach(s.ctx, w.Machine, Link{Name: "ens3", MAC: "02:00:00:00:30:03"})
	require.NoError(t, err)
	both := func(states ...string) (theirs, ours []Ran) {
		s.Helper()
		return s.told(theirLog, "ens3", tells(states...)), s.told(ourLog, "ens3", tells(states...))
	}
	both("routable", "configured")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ens3", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	// Only here is all as it will stay: the tentative address is one, the lease
	// is there.
	s.run("sh", "-c", "while ip -6 address show dev ens3 tentative | grep -q .; do sleep 0.1; done")
	s.run("sh", "-c", ": >"+theirLog+"; : >"+ourLog)
	require.NoError(t, port.Cut(s.ctx))
	both("no-carrier")
	require.NoError(t, port.Restore(s.ctx))
	theirs, ours := both("routable", "configured")
	// Each transition once, in the same order for each of the two properties.
	for _, property := range []hostnet.Property{hostnet.OperationalState, hostnet.AdministrativeState} {
		assert.Equal(t, transitions(theirs, property), transitions(ours, property), property)
	}
	require.NoError(t, port.Detach(s.ctx))
	theirs, ours = both("linger")
	s.idle()

	for _, ran := range ours {
		names := []string{}
		for name := range ran.Env {
			if !slices.Contains([]string{"PATH", "LANG", "EVENT_ID", "PWD", "_", "SHLVL", "OLDPWD"}, name) {
				names = append(names, name)
			}
		}
		assert.ElementsMatch(t, dispatcherVariables, names, ran.String())
	}
	for _, state := range []string{"no-carrier", "configured"} {
		their, our := last(theirs, state), last(ours, state)
		for _, name := range dispatcherVariables {
			if name != "json" {
				assert.Equal(t, bare(their.Env[name]), our.Env[name], "%s in %s", name, state)
			}
		}
		compareJSON(t, their.Env["json"], our.Env["json"])
	}
	their, our := last(theirs, "linger"), last(ours, "linger")
	for _, name := range []string{"IFACE", "STATE", "AdministrativeState", "ADDR", "IP_ADDRS", "IP6_ADDRS", "ESSID"} {
		assert.Equal(t, their.Env[name], our.Env[name], "%s in linger", name)
	}
}

func transitions(runs []Ran, property hostnet.Property) []string {
	var states []string
	for _, r := range runs {
		if hostnet.IsState(property, r.Env["STATE"]) {
			states = append(states, r.Env["STATE"])
		}
	}
	return states
}

// bare drops the remarks that newer versions of networkctl print behind an
// address and networkd-dispatcher does not know.
func bare(value string) string {
	return regexp.MustCompile(` \([^)]*\)`).ReplaceAllString(value, "")
}

// compareJSON compares the two documents where networkctl prints no more than
// the value.
func compareJSON(t *testing.T, their, our string) {
	t.Helper()
	decode := func(text string) map[string]any {
		var doc map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &doc), text)
		return doc
	}
	theirs, ours := decode(their), decode(our)
	for _, key := range []string{
		"Address", "AdministrativeState", "DNS", "Gateway", "Hardware Address", "InterfaceName", "Link File",
		"Network File", "OperationalState", "Search Domains", "State", "Type",
	} {
		want := theirs[key]
		if list, ok := want.([]any); ok {
			for i := range list {
				list[i] = bare(list[i].(string))
			}
		}
		assert.Equal(t, want, ours[key], "%s\ntheirs %s\nours   %s", key, their, our)
	}
}

// testTwoDispatchers leaves networkd-dispatcher enabled beside netbrk that is
// told to take its place: each script runs once, and the log says what to do.
func testTwoDispatchers(t *testing.T, w *World) {
	s := on(t, w)
	s.probe("/etc/networkd-dispatcher", ourLog)
	s.netbrk("[System]\nNetworkdDispatcher = true\n")
	port := w.Attach(t, Link{Name: "ens4", MAC: "02:00:00:00:30:04"})
	s.configured("ens4")
	s.told(ourLog, "ens4", tells("configured"))
	s.clear()
	s.run("systemctl", "start", "networkd-dispatcher.service")
	s.run("sh", "-c", ": >"+ourLog)
	require.NoError(t, port.Cut(s.ctx))
	s.has("no-carrier.d", "ens4")
	s.told(ourLog, "ens4", tells("no-carrier"))
	s.idle()
	runs := s.told(ourLog, "ens4", tells("no-carrier"))
	assert.Len(t, runs, 1, "run by both")
	assert.NotContains(t, runs[0].Env, "EVENT_ID", "run by netbrk")
	journal, err := w.Machine.Journal(s.ctx, "netbrk-hooks.service")
	require.NoError(t, err)
	assert.Regexp(t, `NetworkdDispatcher is true, but networkd-dispatcher is active.*systemctl disable --now networkd-dispatcher`, journal)
	assert.Regexp(t, `(?m)^  masked   /etc/networkd-dispatcher/no-carrier.d/50-probe: is left to networkd-dispatcher.service, .*systemctl disable`,
		s.run("netbrk", "run-hooks", "--link", "ens4", "--state", "no-carrier", "--dry-run"))

	s.run("sh", "-c", "systemctl disable --now networkd-dispatcher 2>&1; : >"+ourLog)
	require.NoError(t, port.Restore(s.ctx))
	runs = s.told(ourLog, "ens4", tells("configured"))
	assert.NotEmpty(t, runs[0].Env["EVENT_ID"], "not run by netbrk")
}
