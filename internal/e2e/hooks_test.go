//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestHooks is netbrk itself, installed and enabled as by its owner, on each
// suite. The subtests share a machine; each has links of its own.
func TestHooks(t *testing.T) {
	fleet := newFleet(t, Install)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"enable", testEnable},
		{"generator", testGenerator},
		{"privileges", testPrivileges},
		{"status", testStatus},
		{"flaps", testFlaps},
		{"static link", testStaticHooks},
		{"every directory", testDirectories},
		{"states", testStates},
		{"networkd states", testNetworkdStates},
		{"kernel states", testKernelStates},
		{"kernel alone", testKernelAlone},
		{"leases", testLeaseHooks},
		{"lease signals", testLeaseSignals},
		{"odd names", testOddNames},
		{"overtaken", testOvertaken},
		{"targets", testTargets},
		{"api", testAPI},
		{"watcher dead", testWatcherDead},
		{"hooks killed", testHooksKilled},
		{"bus gone", testBusGone},
		{"bus restart", testBusRestart},
		{"networkd restart", testNetworkdRestart},
		{"scripts that misbehave", testBadScripts},
		{"hostile spool", testHostileSpool},
		{"migration", testMigration},
		{"reload", testReload},
		{"broken configuration", testBrokenConfig},
		{"state removed", testStateRemoved},
		{"commands", testCommands},
	} {
		t.Run(test.name, func(t *testing.T) { fleet.Each(t, test.run) })
	}
}

func testEnable(t *testing.T, w *World) {
	s := on(t, w)
	LogHooks(t, w.Machine)
	s.run("systemd-sysusers")
	s.run("systemd-tmpfiles", "--create")
	s.run("systemctl", "enable", "--now", "netbrk.target")
	assert.Equal(t, "active", s.run("systemctl", "is-active", "netbrk-watch.service"))
	for _, unit := range []string{"netbrk-hooks.path", "netbrk-rules.path", "netbrk-rules.timer"} {
		assert.Equal(t, "active", s.run("systemctl", "is-active", unit))
	}
	s.has("manager.d", "")
}

func testPrivileges(t *testing.T, w *World) {
	s := on(t, w)
	status := s.procStatus("netbrk-watch.service")
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		assert.Equal(t, "0000000000000000", status[set], set)
	}
	assert.Equal(t, "1", status["NoNewPrivs"])
	uid := s.run("id", "-u", "netbrk")
	assert.Equal(t, strings.Repeat(uid+"\t", 3)+uid, status["Uid"])
	checkState(s)
}

// checkState looks at who may write where below /run/netbrk.
func checkState(s script) {
	s.Helper()
	for dir, want := range map[string]string{
		"": "root root 755", "events": "netbrk netbrk 755", "links": "netbrk netbrk 755",
		"rules-pending": "root netbrk 775", "rules": "root root 755",
		"hooks": "root root 755", "failed": "root root 755",
		"leases": "root root 755", "lease-events": "root root 755", "leases-pending": "root netbrk 775",
	} {
		assert.Equal(s, want, s.run("stat", "--format=%U %G %a", "/run/netbrk/"+dir), dir)
	}
}

// flapDirs are the states of a DHCP link's flap that differ by version:
// whether an IPv6 address makes it degraded on the way.
var flapDirs = []string{"no-carrier.d", "routable.d", "configuring.d", "configured.d", "off.d"}

func testFlaps(t *testing.T, w *World) {
	s := on(t, w)
	w.Attach(t, Link{Name: "ens4", MAC: "02:00:00:00:14:01"})
	port := w.Attach(t, Link{Name: "ens5", MAC: "02:00:00:00:15:01"})
	s.configured("ens4")
	s.configured("ens5")
	s.clear()
	const flaps = 6
	for i := range flaps {
		require.NoError(t, port.Cut(s.ctx))
		require.NoError(t, w.Machine.WaitLink(s.ctx, "ens5", "OPER_STATE=no-carrier"))
		require.NoError(t, port.Restore(s.ctx))
		require.NoError(t, w.Machine.WaitLink(s.ctx, "ens5", "OPER_STATE=routable", "ADMIN_STATE=configured"))
		s.runs(func(runs []Ran) bool { return len(Of(runs, "ens5", "configured.d")) == i+1 })
	}
	s.idle()
	runs := s.ran()
	var want []string
	for range flaps {
		want = append(want, "no-carrier.d", "configuring.d", "routable.d", "configured.d")
	}
	assert.Equal(t, want, Of(runs, "ens5", flapDirs...))
	assert.Empty(t, Of(runs, "ens4", append(flapDirs, "carrier.d", "degraded.d")...), "the other link")
	// Every transition begins where the one before it ended.
	last := map[string]string{"OperationalState": "routable", "AdministrativeState": "configured"}
	for _, r := range runs {
		if st := r.Env["STATE"]; st != "" && r.Env["LINK"] == "ens5" {
			p, _ := hostnet.PropertyOf(st)
			assert.Equal(t, last[string(p)], r.Env["PREVIOUS_STATE"], r.String())
			assert.Equal(t, st, r.Env[string(p)])
			last[string(p)] = st
		}
	}
	checkRoutable(s, runs)
}

// checkRoutable looks at all that a hook of a DHCP link is told.
func checkRoutable(s script, runs []Ran) {
	s.Helper()
	index, err := s.Machine.LinkIndex("ens5")
	require.NoError(s, err)
	i := slices.IndexFunc(runs, func(r Ran) bool { return r.Directory == "configured.d" })
	env := runs[i].Env
	assert.Equal(s, "ens5", env["LINK"])
	assert.Equal(s, strconv.Itoa(index), env["LINKINDEX"])
	assert.Equal(s, "routable", env["OperationalState"])
	assert.Equal(s, "configured", env["AdministrativeState"])
	address := regexp.MustCompile(`\bADDRESS=(10\.77\.0\.\d+)\b`).FindStringSubmatch(env["DHCP_LEASE"])
	require.NotNil(s, address, env["DHCP_LEASE"])
	assert.Equal(s, "10.77.0.1", env["DNS"])
	assert.Equal(s, "e2e.example", env["DOMAIN"])
	doc, err := runs[i].Document()
	require.NoError(s, err)
	assert.Equal(s, "ens5", doc["Name"])
	assert.InEpsilon(s, index, doc["Index"], 0)
	assert.Equal(s, "routable", doc["OperationalState"])
	assert.Equal(s, "02:00:00:00:15:01", doc["HardwareAddr"])
	assert.Contains(s, fmt.Sprint(doc["Address"]), address[1])
	assert.Equal(s, "veth", doc["Driver"])
	assert.NotEmpty(s, env["EVENT_ID"])
	assert.NotEmpty(s, env["SEQNUM"])
	assert.True(s, strings.HasPrefix(env["JSON_FILE"], "/run/netbrk/hooks/json/"), env["JSON_FILE"])
	assert.NotContains(s, env, "NOTIFY_SOCKET")
	assert.NotContains(s, env, "INVOCATION_ID")
}

func testStaticHooks(t *testing.T, w *World) {
	s := on(t, w)
	require.NoError(t, w.Machine.WriteNetwork(s.ctx, "10-fixed.network",
		"[Match]\nName=fixed0\n\n[Network]\nAddress=10.77.0.9/24\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n"))
	// An ifindex above 100 has an object path that is easily misread.
	w.Attach(t, Link{Name: "fixed0", MAC: "02:00:00:00:16:01", Index: 131})
	run := s.has("routable.d", "fixed0")
	assert.NotContains(t, run.Env, "DHCP_LEASE")
	assert.Equal(t, "131", run.Env["LINKINDEX"])
	s.has("configured.d", "fixed0")
}

func testDirectories(t *testing.T, w *World) {
	s := on(t, w)
	s.clear()
	// Odd, and legal: what a shell, a path or a unit name might stumble over.
	const odd = "a+b@c.d#$'*"
	s.run("ip", "link", "add", odd, "index", "205", "type", "veth", "peer", "name", "odd1")
	assert.Equal(t, "added", s.has("links.d", odd).Env["ACTION"])
	s.has("off.d", odd)
	s.run("ip", "link", "set", odd, "up")
	s.has("no-carrier.d", odd)
	s.run("ip", "link", "set", "odd1", "up")
	s.has("degraded.d", odd) // its IPv6 link-local address
	s.has("addresses.d", odd)
	s.idle() // what waits for a link merges, and then names no single one
	s.run("ip", "address", "add", "10.99.0.1/24", "dev", odd)
	s.has("routable.d", odd)
	s.runs(func(runs []Ran) bool {
		return slices.ContainsFunc(runs, func(r Ran) bool {
			return r.Directory == "addresses.d" && r.Env["ADDRESS"] == "10.99.0.1/24" && r.Env["ACTION"] == "added"
		})
	})
	s.idle()
	s.run("ip", "route", "add", "10.98.0.0/16", "via", "10.99.0.7")
	s.runs(func(runs []Ran) bool {
		return slices.ContainsFunc(runs, func(r Ran) bool {
			return r.Directory == "routes.d" && r.Env["ROUTE"] == "10.98.0.0/16 via 10.99.0.7" && r.Env["LINK"] == odd
		})
	})
	s.idle()
	s.run("ip", "route", "add", "blackhole", "10.97.0.0/16")
	s.runs(func(runs []Ran) bool {
		return slices.ContainsFunc(runs, func(r Ran) bool {
			return r.Directory == "routes.d" && r.Env["ROUTE"] == "blackhole 10.97.0.0/16" && r.Env["LINK"] == ""
		})
	})
	s.run("ip", "rule", "add", "from", "10.99.0.1", "lookup", "77")
	s.has("rules.d", "")
	s.run("ip", "link", "set", odd, "type", "veth") // no change: nothing must come of it
	s.run("ip", "link", "add", "brx", "type", "bridge")
	s.run("ip", "link", "set", "brx", "up")
	s.run("ip", "link", "set", "odd1", "master", "brx")
	if w.Machine.Suite != "bullseye" { // 247 calls only ports that it manages enslaved
		s.has("enslaved.d", "odd1")
	}
	s.run("ip", "link", "set", odd, "down")
	s.run("ip", "link", "set", odd, "name", "renamed0")
	renamed := s.has("links.d", "renamed0")
	assert.Equal(t, "renamed", renamed.Env["ACTION"])
	assert.Equal(t, odd, renamed.Env["PREVIOUS_LINK"])
	s.run("ip", "link", "delete", "renamed0")
	s.runs(func(runs []Ran) bool {
		return slices.ContainsFunc(runs, func(r Ran) bool {
			return r.Directory == "links.d" && r.Env["LINK"] == "renamed0" && r.Env["ACTION"] == "removed"
		})
	})
	s.run("ip", "link", "delete", "brx")
	s.run("ip", "rule", "delete", "from", "10.99.0.1", "lookup", "77")
	s.run("ip", "route", "delete", "blackhole", "10.97.0.0/16")
	s.has("unmanaged.d", odd)

	// networkd's own words, its manager's, and a lease.
	w.Attach(t, Link{Name: "ens6", MAC: "02:00:00:00:17:01"})
	s.configured("ens6")
	for _, dir := range []string{"configuring.d", "carrier.d", "leases.d", "routes.d"} {
		s.has(dir, "ens6")
	}
	s.has("manager.d", "")
}

// testBadScripts has scripts fail, hang, and call netbrk, before the one that
// logs.
func testBadScripts(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ensb", MAC: "02:00:00:00:1c:01"})
	s.configured("ensb")
	s.clear()
	const dir = "/etc/netbrk/no-carrier.d/ensb"
	require.NoError(t, w.Machine.WriteFile("/etc/netbrk/netbrk.toml.d/50-test.toml", []byte("[System]\nHookTimeout = \"1s\"\n"), 0o644))
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "rm", "-r", dir, "/etc/netbrk/netbrk.toml.d")
		assert.NoError(t, err)
	})
	for name, text := range map[string]string{
		"10-fail":   "#!/bin/sh\nexit 7\n",
		"20-hang":   "#!/bin/sh\nexec sleep 1000\n",
		"30-plain":  "exit 0\n",
		"40-nested": "#!/bin/sh\nnetbrk run-hooks; netbrk run-hooks --link ensb --state configured\n",
	} {
		require.NoError(t, w.Machine.WriteFile(dir+"/"+name, []byte(text), 0o755))
	}
	require.NoError(t, w.Machine.WriteFile(dir+"/45-open", []byte("#!/bin/sh\n"), 0o777))
	s.run("chmod", "0777", dir+"/45-open")
	require.NoError(t, port.Cut(s.ctx))
	s.has("no-carrier.d", "ensb")
	s.has("configured.d", "ensb") // of the nested one
	s.idle()
	assert.Equal(t, "success", s.property("netbrk-hooks.service", "Result"), "a script's failure is not the unit's")
	journal, err := w.Machine.Journal(s.ctx, "netbrk-hooks.service")
	require.NoError(t, err)
	for _, want := range []string{
		`hook failed hook=` + dir + `/10-fail .*exit status 7`,
		`hook failed hook=` + dir + `/20-hang .*timeout`,
		`hook ran hook=` + dir + `/30-plain`,
		`hook refused hook=` + dir + `/45-open .*writable`,
	} {
		assert.Regexp(t, want, journal)
	}
	// As the manual page has it: by fields, not by words of the line.
	failed := s.run("journalctl", "--boot", "--quiet", "--output=cat", "--priority=warning", "SYSLOG_IDENTIFIER=netbrk", "LINK=ensb", "HOOK="+dir+"/10-fail")
	assert.Regexp(t, `^hook failed hook=\S+/10-fail link=ensb [^\n]*$`, failed)
}

// testHostileSpool is a compromised watcher: what its user can put there runs
// nothing for links that do not exist, and does not stop the rest.
func testHostileSpool(t *testing.T, w *World) {
	s := on(t, w)
	s.clear()
	plant := `cd /run/netbrk/events
ln -s /etc/shadow 00000000000000000001-state-1.json
mkfifo 00000000000000000002-state-1.json
mkdir -p 00000000000000000003-state-1.json/deep && ln -s /etc 00000000000000000003-state-1.json/deep/etc
head -c 1000000 /dev/zero > 00000000000000000004-state-1.json
echo '{"seq":5,"kind":"state","ifindex":1,"property":"OperationalState","state":"../../tmp"}' > 00000000000000000005-state-1.json
echo '{"seq":6,"kind":"shell","ifindex":1}' > 00000000000000000006-shell-1.json
echo '{"seq":7,"kind":"state","ifindex":4242,"link":"ghost","property":"OperationalState","state":"routable"}' > 00000000000000000007-state-4242.json
echo '{"seq":8,"kind":"state","ifindex":1,"property":"OperationalState","state":"routable"}' > 00000000000000000009-state-1.json
echo 'rubbish' > 'a b; touch x'
`
	s.run("setpriv", "--reuid=netbrk", "--regid=netbrk", "--clear-groups", "sh", "-c", plant)
	s.idle()
	runs := s.ran()
	assert.Empty(t, runs)
	failed := s.run("sh", "-c", "cat /run/netbrk/failed/*.json")
	for _, entry := range []string{
		"1-state-1.json", "2-state-1.json", "3-state-1.json", "4-state-1.json",
		"5-state-1.json", "6-shell-1.json", "9-state-1.json", "a b; touch x",
	} {
		assert.Contains(t, failed, entry)
	}
	assert.Contains(t, failed, "symbolic link")
	s.run("test", "-s", "/etc/shadow")
	s.run("test", "-d", "/etc/systemd")
	for _, unit := range []string{"netbrk-hooks.path", "netbrk-rules.path", "netbrk-rules.timer"} {
		assert.Equal(t, "active", s.run("systemctl", "is-active", unit))
	}
}
