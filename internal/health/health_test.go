package health

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

var now = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

func is(b bool) *bool { return &b }

// sound is a host on which nothing is wrong.
func sound() Facts {
	return Facts{
		Version: "1.0", HostName: "h", Now: now, Installed: true,
		Watcher: &Watcher{Running: is(true), PID: 7, Generators: []string{"systemd-networkd"}, Spools: []Spool{
			{Name: "events", Serving: is(false)}, {Name: "rules-pending", Serving: is(false)}, {Name: "cloud-pending"},
			{Name: "lease-events", Serving: is(false)},
		}},
		Units: []hostnet.UnitState{
			{Name: "netbrk-watch.service", Load: "loaded", Active: "active", Sub: "running"},
			{Name: "netbrk-hooks.path", Load: "loaded", Active: "active", Sub: "waiting"},
			{Name: "netbrk-hooks.service", Load: "loaded", Active: "inactive", Sub: "dead"},
			{Name: "netbrk-rules.path", Load: "loaded", Active: "active", Sub: "waiting"},
			{Name: "netbrk-cloud-sync.path", Load: "not-found", Active: "inactive", Sub: "dead"},
			{Name: "networkd-dispatcher.service", Load: "loaded", Active: "failed", Sub: "failed"},
		},
		Links: &Links{
			Facts:   []hostnet.LinkFacts{{Link: hostnet.Link{Index: 2, Name: "eth0", Type: 1}}},
			States:  map[int]hostnet.States{2: {hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured"}},
			Watched: func(string) bool { return true },
		},
		Rules: &Rules{Records: map[int]report.LinkRules{}, Now: &Drift{
			Links: []report.LinkRules{{Index: 3, Link: "eth1"}}, Wanted: report.RulesCount{Rules: 4, Routes: 2},
		}},
		Hooks: &Hooks{Runs: []report.HookRun{{Hook: "/etc/netbrk/routable.d/50-x", Directory: "routable.d", Link: "eth0", Outcome: "done"}}, Gone: map[string]bool{}},
		Cloud: &Cloud{Sync: report.CloudSync{Provider: "aws", Outcome: "done"}, LastSync: now.Add(-time.Minute), Next: now.Add(4 * time.Minute), Every: 5 * time.Minute},
	}
}

func TestNothingIsWrong(t *testing.T) {
	doc := Build(sound())
	assert.Equal(t, report.Health{State: "ok", Reasons: []report.Reason{}}, doc.Health)
	assert.Empty(t, doc.Notes)
	for _, unit := range doc.Units {
		assert.Contains(t, unit.Unit, "netbrk-")
	}
	// Of a host of which nothing was looked at nothing is known to be wrong.
	doc = Build(Facts{Now: now})
	assert.Equal(t, "ok", doc.Health.State)
	assert.Nil(t, doc.Links)
	assert.Nil(t, doc.Watcher)
}

func failedRun(hook, link string) report.HookRun {
	return report.HookRun{Hook: hook, Directory: "routable.d", Link: link, Failed: true, Outcome: "exit status 1", LastLine: "boom"}
}

// TestReasons has a row for each thing that can be wrong, and for its neighbour
// that is not.
func TestReasons(t *testing.T) {
	const x = "/etc/netbrk/routable.d/50-x"
	unit := func(f *Facts, name, active string) {
		for i := range f.Units {
			if f.Units[i].Name == name {
				f.Units[i].Load, f.Units[i].Active = "loaded", active
				return
			}
		}
		f.Units = append(f.Units, hostnet.UnitState{Name: name, Load: "loaded", Active: active})
	}
	spool := func(f *Facts, i, pending int, age time.Duration, serving *bool) {
		f.Watcher.Spools[i].Pending, f.Watcher.Spools[i].Oldest, f.Watcher.Spools[i].Serving = pending, now.Add(-age), serving
	}
	for _, tt := range []struct {
		name   string
		change func(*Facts)
		want   []report.Reason
	}{
		{"a configuration that cannot be used", func(f *Facts) { f.Config.Broken = []string{"a.toml:2:1: System.X: bad"} }, []report.Reason{
			{Part: "config", What: "a.toml:2:1: System.X: bad: hooks, rules and addresses stay as they are", Hint: "netbrk config check"},
		}},
		{"an unknown key", func(f *Facts) { f.Config.Unknown = []string{"a.toml:2: System.Y: unknown"} }, []report.Reason{
			{Part: "config", What: "a.toml:2: System.Y: unknown", Hint: "netbrk config check"},
		}},
		{"a warning that needs nothing", func(f *Facts) { f.Config.Others = []string{"has no effect"} }, nil},

		{"no watcher", func(f *Facts) { f.Watcher.Running = is(false); unit(f, "netbrk-watch.service", "inactive") }, []report.Reason{
			{Part: "watcher", What: "netbrk watch is not running: no change of the network is seen", Hint: "systemctl start netbrk.target"},
		}},
		{"no watcher, and no units", func(f *Facts) { f.Watcher.Running, f.Units, f.Installed = is(false), nil, false }, []report.Reason{
			{Part: "watcher", What: "netbrk watch is not running: no change of the network is seen", Hint: "netbrk watch --dispatch=exec"},
		}},
		{"a watcher that failed is told once", func(f *Facts) { f.Watcher.Running = is(false); unit(f, "netbrk-watch.service", "failed") }, []report.Reason{
			{Part: "watcher", What: "netbrk watch is not running: no change of the network is seen", Hint: "journalctl -u netbrk-watch.service -n 20"},
		}},
		{"nobody can tell of the watcher", func(f *Facts) { f.Watcher.Running, f.Units = nil, nil }, nil},

		{"the path unit was stopped", func(f *Facts) { unit(f, "netbrk-hooks.path", "inactive") }, []report.Reason{
			{Part: "hooks", What: "netbrk-hooks.path is not active: no hook runs", Hint: "systemctl start netbrk-hooks.path"},
		}},
		{"the path unit was stopped, and events wait", func(f *Facts) {
			unit(f, "netbrk-hooks.path", "inactive")
			spool(f, 0, 3, 5*time.Second, is(false))
		}, []report.Reason{{
			Part: "hooks", What: "netbrk-hooks.path is not active: no hook runs; 3 entries wait in events, the first for 5 s",
			Hint: "systemctl start netbrk-hooks.path",
		}}},
		{"a path unit that nobody enabled", func(f *Facts) { unit(f, "netbrk-cloud-sync.path", "inactive") }, nil},
		{"a path unit that was stopped, with work to do", func(f *Facts) {
			unit(f, "netbrk-cloud-sync.path", "inactive")
			spool(f, 2, 1, time.Minute, is(false))
		}, []report.Reason{{
			Part: "cloud", What: "netbrk-cloud-sync.path is not active: a new card waits for the timer; 1 entry waits in cloud-pending, the first for 1 min",
			Hint: "systemctl start netbrk-cloud-sync.path",
		}}},
		{"a watcher that starts its own readers needs no path unit", func(f *Facts) {
			unit(f, "netbrk-hooks.path", "inactive")
			unit(f, "netbrk-watch.service", "inactive")
		}, nil},
		{"a spool that nobody empties", func(f *Facts) { spool(f, 0, 1, time.Minute, is(false)) }, []report.Reason{{
			Part: "hooks", What: "1 entry waits in events, the first for 1 min, and nothing takes them", Hint: "journalctl -u netbrk-hooks.service -n 20",
		}}},
		{"the same without units", func(f *Facts) { f.Units = nil; spool(f, 0, 1, time.Minute, is(false)) }, []report.Reason{{
			Part: "hooks", What: "1 entry waits in events, the first for 1 min, and nothing takes them", Hint: "netbrk run-hooks",
		}}},
		{"rules that nobody mends", func(f *Facts) { f.Units = nil; spool(f, 1, 1, time.Minute, is(false)) }, []report.Reason{{
			Part: "rules", What: "1 entry waits in rules-pending, the first for 1 min, and nothing takes them", Hint: "netbrk apply-rules",
		}}},
		{"events that came just now", func(f *Facts) { spool(f, 0, 1, 2*time.Second, is(false)) }, nil},
		{"entries of a time to come that nobody takes", func(f *Facts) { spool(f, 0, 2, -24*time.Hour, is(false)) }, []report.Reason{{
			Part: "hooks", What: "2 entries wait in events, the first since before the clock was set back, and nothing takes them",
			Hint: "journalctl -u netbrk-hooks.service -n 20",
		}}},
		{"entries of a time to come that are taken", func(f *Facts) { spool(f, 0, 2, -24*time.Hour, is(true)) }, nil},
		{"a clock that was set back a little", func(f *Facts) { spool(f, 0, 2, -2*time.Second, is(false)) }, nil},
		{"a script that takes its time", func(f *Facts) { spool(f, 0, 9, time.Hour, is(true)) }, nil},
		{"perhaps a script that takes its time", func(f *Facts) { spool(f, 0, 9, 10*time.Minute, nil) }, nil},
		{"longer than any script takes", func(f *Facts) { f.Units = nil; spool(f, 0, 9, 3*time.Hour, nil) }, []report.Reason{{
			Part: "hooks", What: "9 entries wait in events, the first for 3 h, and nothing takes them", Hint: "netbrk run-hooks",
		}}},

		{"a unit that failed", func(f *Facts) { unit(f, "netbrk-rules.service", "failed") }, []report.Reason{
			{Part: "rules", What: "netbrk-rules.service has failed", Hint: "journalctl -u netbrk-rules.service -n 20"},
		}},
		{"a bus that hangs", func(f *Facts) { f.Links.Networkd = BusSilent }, []report.Reason{{
			Part: "links", What: "the system bus does not answer: states of links are the kernel's, and targets do not follow them; a restart of the bus ends the sessions of a desktop: reboot there",
			Hint: "systemctl restart dbus.service systemd-networkd.service",
		}}},
		{"a bus that was stopped", func(f *Facts) { f.Links.Networkd = BusDown }, []report.Reason{{
			Part: "links", What: "the system bus is down: states of links are the kernel's, and targets do not follow them",
			Hint: "systemctl restart dbus.service systemd-networkd.service",
		}}},
		{"a networkd that hangs", func(f *Facts) { f.Links.Networkd = NetworkdSilent }, []report.Reason{{
			Part: "links", What: "systemd-networkd does not answer: states of links are the kernel's", Hint: "systemctl restart systemd-networkd.service",
		}}},
		{"a networkd that outlived the bus", func(f *Facts) { f.Links.Networkd = NetworkdOffBus }, []report.Reason{{
			Part: "links", What: "systemd-networkd has lost the bus: states of links are the kernel's", Hint: "systemctl restart systemd-networkd.service",
		}}},
		{"a networkd that failed", func(f *Facts) { f.Links.Networkd = NetworkdFailed }, []report.Reason{{
			Part: "links", What: "systemd-networkd.service has failed: states of links are the kernel's", Hint: "journalctl -u systemd-networkd.service -n 20",
		}}},

		{"a link that networkd failed to configure", func(f *Facts) { f.Links.States[2][hostnet.AdministrativeState] = "failed" }, []report.Reason{
			{Part: "links", Link: "eth0", What: "systemd-networkd failed to configure it", Hint: "networkctl status eth0"},
		}},
		{"an address that somebody else has", func(f *Facts) {
			f.Links.Facts[0].Addrs = []hostnet.Addr{{Prefix: netip.MustParsePrefix("2001:db8::1/64"), Flags: hostnet.AddrDADFailed | hostnet.AddrTentative}}
		}, []report.Reason{{Part: "links", Link: "eth0", What: "2001:db8::1 is another host's too", Hint: "ip -6 address show dev eth0 dadfailed"}}},

		{"rules that are missing", func(f *Facts) {
			f.Rules.Now.Missing, f.Rules.Now.Stale, f.Rules.Now.Steps = report.RulesCount{Rules: 2, Routes: 1, Addresses: 1}, 1, []string{"ip rule add"}
		}, []report.Reason{{
			Part: "rules", What: "2 rules are missing, 1 route is missing or wrong, 1 address is missing, 1 rule, route or address should not be there",
			Hint: "netbrk apply-rules",
		}}},
		{"a link whose MTU is another", func(f *Facts) { f.Rules.Now.Steps = []string{"ip link set dev eth1 mtu 9001"} }, []report.Reason{
			{Part: "rules", What: "1 change is due", Hint: "netbrk apply-rules"},
		}},
		{"what apply-rules could not do", func(f *Facts) {
			f.Rules.Records[0] = report.LinkRules{Problems: []string{"adding rule: no"}}
			f.Rules.Records[3] = report.LinkRules{Index: 3, Link: "eth1", Problems: []string{"adding route: no"}}
		}, []report.Reason{
			{Part: "rules", What: "adding rule: no", Hint: "netbrk apply-rules"},
			{Part: "rules", Link: "eth1", What: "adding route: no", Hint: "netbrk apply-rules eth1"},
		}},
		{"what somebody keeps removing", func(f *Facts) {
			f.Rules.Records[0] = report.LinkRules{Contended: []string{"lookup main of 0.0.0.0/0"}}
			f.Rules.Records[3] = report.LinkRules{Index: 3, Link: "eth1", Contended: []string{"2001:db8::5/128"}}
			f.Rules.Now.Missing.Rules = 3 // held back, so no step
		}, []report.Reason{
			{Part: "rules", What: "somebody keeps removing lookup main of 0.0.0.0/0", Hint: "ip -timestamp monitor rule route"},
			{Part: "rules", Link: "eth1", What: "somebody keeps removing 2001:db8::5/128", Hint: "ip -timestamp monitor rule route"},
		}},

		{"a script that failed", func(f *Facts) { f.Hooks.Runs = append(f.Hooks.Runs, failedRun(x, "eth0")) }, []report.Reason{
			{Part: "hooks", Link: "eth0", What: x + ": exit status 1: boom", Hint: "netbrk run-hooks --link eth0 --state routable"},
		}},
		{"a link whose name is a command", func(f *Facts) {
			const name = "a;b$(c)"
			f.Links.Facts[0].Link.Name, f.Links.States[2][hostnet.AdministrativeState] = name, "failed"
			f.Rules.Records[3] = report.LinkRules{Index: 3, Link: name, Problems: []string{"adding route: no"}}
			f.Rules.Now.Links[0].Link = name
			r := failedRun("/etc/netbrk/routable.d/a b'c", name)
			f.Hooks.Runs = append(f.Hooks.Runs, r)
			r.Directory = "leases.d"
			f.Hooks.Runs = append(f.Hooks.Runs, r)
			f.Hooks.Runs[1].Hook = x
		}, []report.Reason{
			{Part: "links", Link: "a;b$(c)", What: "systemd-networkd failed to configure it", Hint: "networkctl status 'a;b$(c)'"},
			{Part: "rules", Link: "a;b$(c)", What: "adding route: no", Hint: "netbrk apply-rules 'a;b$(c)'"},
			{
				Part: "hooks", Link: "a;b$(c)", What: "/etc/netbrk/routable.d/a b'c: exit status 1: boom",
				Hint: `journalctl SYSLOG_IDENTIFIER=netbrk HOOK='/etc/netbrk/routable.d/a b'\''c'`,
			},
			{Part: "hooks", Link: "a;b$(c)", What: x + ": exit status 1: boom", Hint: "netbrk run-hooks --link 'a;b$(c)' --state routable"},
		}},
		{"a script of no state", func(f *Facts) {
			r := failedRun("/etc/netbrk/rules.d/1", "")
			r.Directory, r.LastLine = "rules.d", ""
			f.Hooks.Runs = append(f.Hooks.Runs, r)
		}, []report.Reason{{Part: "hooks", What: "/etc/netbrk/rules.d/1: exit status 1", Hint: "journalctl SYSLOG_IDENTIFIER=netbrk HOOK=/etc/netbrk/rules.d/1"}}},
		{"a script that failed, and then did not", func(f *Facts) { f.Hooks.Runs = append([]report.HookRun{failedRun(x, "eth0")}, f.Hooks.Runs...) }, nil},
		{"a script that failed and was removed", func(f *Facts) { f.Hooks.Runs = append(f.Hooks.Runs, failedRun(x, "eth0")); f.Hooks.Gone[x] = true }, nil},
		{"a script that is refused", func(f *Facts) {
			f.Hooks.Refused = []report.RefusedHook{{Hook: x, Why: "/etc/netbrk is writable by group (mode 0775): chmod go-w /etc/netbrk"}, {Hook: x, Why: "its name is not printable"}, {Hook: x, Why: x + " is not executable (mode 0644): chmod +x " + x}}
		}, []report.Reason{
			{Part: "hooks", What: x + " does not run: /etc/netbrk is writable by group (mode 0775)", Hint: "chmod go-w /etc/netbrk"},
			{Part: "hooks", What: x + " does not run: its name is not printable", Hint: "netbrk status hooks"},
			{Part: "hooks", What: x + " does not run: it is not executable (mode 0644)", Hint: "chmod +x " + x},
		}},
		{"a script whose name is a command", func(f *Facts) {
			const path = "'/etc/netbrk/off.d/a: chmod +x b'"
			f.Hooks.Refused = []report.RefusedHook{{Hook: "/etc/netbrk/off.d/a: chmod +x b", Why: path + " is not executable (mode 0644): chmod +x " + path}}
		}, []report.Reason{{
			Part: "hooks", What: "/etc/netbrk/off.d/a: chmod +x b does not run: it is not executable (mode 0644)",
			Hint: "chmod +x '/etc/netbrk/off.d/a: chmod +x b'",
		}}},
		{"entries that were refused", func(f *Facts) {
			f.Hooks.Entries = []report.RefusedEntry{{Time: now.Add(-25 * time.Hour)}, {Time: now.Add(-time.Hour)}, {Time: now}}
		}, []report.Reason{{Part: "hooks", What: "2 entries of the spool were refused in the last day", Hint: "netbrk status hooks"}}},
		{"entries that were refused long ago", func(f *Facts) { f.Hooks.Entries = []report.RefusedEntry{{Time: now.Add(-25 * time.Hour)}} }, nil},
		{"two dispatchers at once", func(f *Facts) { f.Hooks.Dispatchers = []string{"networkd-dispatcher.service"} }, []report.Reason{{
			Part: "hooks", What: "networkd-dispatcher.service is active and has scripts that netbrk is to run", Hint: "systemctl disable --now networkd-dispatcher.service",
		}}},

		{"a sync that failed", func(f *Facts) { f.Cloud.Sync.Outcome, f.Cloud.Sync.Problems = "failed", []string{"asking: timeout"} }, []report.Reason{
			{Part: "cloud", What: "asking: timeout", Hint: "netbrk cloud-sync"},
		}},
		{"a sync that does not say why", func(f *Facts) { f.Cloud.Sync.Outcome = "not ready" }, []report.Reason{
			{Part: "cloud", What: "the last sync is not ready", Hint: "netbrk cloud-sync"},
		}},
		{"a NIC of which something is missing", func(f *Facts) {
			f.Cloud.Sync.Outcome, f.Cloud.Sync.Problems = "partial", []string{"NIC 02:00:00:00:00:01 (eth1) is not complete"}
		}, []report.Reason{{Part: "cloud", What: "NIC 02:00:00:00:00:01 (eth1) is not complete", Hint: "netbrk cloud-sync"}}},
		{"a sync that is overdue", func(f *Facts) { f.Cloud.LastSync = now.Add(-time.Hour) }, []report.Reason{
			{Part: "cloud", What: "the last sync was 1 h ago, and one is due every 5 min", Hint: "journalctl -u netbrk-cloud-sync.service -n 20"},
		}},
		{"no sync is due without a timer", func(f *Facts) { f.Cloud.LastSync, f.Cloud.Next = now.Add(-time.Hour), time.Time{} }, nil},
		{"flushed by hand", func(f *Facts) { f.Cloud.Sync.Outcome = "flushed" }, nil},
		{"another agent's NIC", func(f *Facts) { f.Cloud.NICs = []report.CloudLink{{Index: 3, Link: "eth1", Rival: "nm-cloud-setup"}} }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sound()
			tt.change(&f)
			doc := Build(f)
			if tt.want == nil {
				tt.want = []report.Reason{}
			}
			assert.Equal(t, tt.want, doc.Health.Reasons)
			assert.Equal(t, len(tt.want) > 0, doc.Health.State == "degraded")
		})
	}
}

func TestManyReasonsAreCounted(t *testing.T) {
	f := sound()
	for i := range 20 {
		f.Hooks.Runs = append(f.Hooks.Runs, failedRun(fmt.Sprintf("/etc/netbrk/routable.d/%d", i), "eth0"))
	}
	doc := Build(f)
	require.Len(t, doc.Health.Reasons, manyReasons+1)
	assert.Equal(t, report.Reason{Part: "hooks", What: "12 further scripts failed", Hint: "netbrk status hooks"}, doc.Health.Reasons[manyReasons])
	assert.Len(t, doc.Hooks.Failing, 20)
	assert.Equal(t, "/etc/netbrk/routable.d/19", doc.Hooks.Failing[0].Hook, "the newest first")
}

func TestPartsAreJudgedAlone(t *testing.T) {
	f := sound()
	f.Hooks.Entries, f.Cloud.Sync.Outcome, f.Config.Unknown = []report.RefusedEntry{{Time: now}}, "failed", []string{"x"}
	f.Parts = []string{report.PartCloud}
	var parts []string
	for _, r := range Build(f).Health.Reasons {
		parts = append(parts, r.Part)
	}
	assert.Equal(t, []string{"config", "cloud"}, parts, "a broken configuration is every part's")
}

func TestNotes(t *testing.T) {
	f := sound()
	f.Notes, f.Config.Others = []string{"seen by root alone"}, []string{"a.toml: has no effect"}
	f.Rules.Now.Links[0].Flushed = true
	f.Cloud.Sync.Outcome = "flushed"
	assert.Equal(t, []string{
		"seen by root alone", "a.toml: has no effect", "rules of eth1 were flushed by hand: netbrk apply-rules eth1 brings them back",
		"what the cloud told was flushed by hand: netbrk cloud-sync brings it back",
	}, Build(f).Notes)

	f = sound()
	f.Rules.Records[0] = report.LinkRules{Flushed: true}
	f.Rules.Now.Links[0].Flushed = true
	f.Cloud = &Cloud{Provider: "gcp", Why: "DMI"}
	doc := Build(f)
	require.Len(t, doc.Notes, 2)
	assert.Contains(t, doc.Notes[0], "all rules were flushed by hand")
	assert.Equal(t, "this is an instance of gcp, and cloud-sync never ran: systemctl daemon-reload; systemctl start netbrk.target", doc.Notes[1])
	f.Installed = false
	assert.Equal(t, "this is an instance of gcp, and cloud-sync never ran: netbrk cloud-sync", Build(f).Notes[1])
	assert.Equal(t, "gcp", doc.Cloud.Provider)
}

func TestRulesAreCounted(t *testing.T) {
	f := sound()
	f.Rules.Now.Missing = report.RulesCount{Rules: 1}
	f.Rules.Records[3] = report.LinkRules{Index: 3, Link: "eth1", Losses: []report.Loss{{Object: "x"}}}
	f.Rules.Now.Links[0].Losses = []report.Loss{{Object: "imagined by the dry run"}}
	got := Build(f).Rules
	require.NotNil(t, got.Have)
	assert.Equal(t, 6, got.Want)
	assert.Equal(t, 5, *got.Have)
	assert.Equal(t, []report.Loss{{Object: "x"}}, got.Links[0].Losses)

	// By the state alone nobody knows what is there.
	f.Rules = &Rules{Records: map[int]report.LinkRules{0: {}, 4: {Index: 4, Link: "b"}, 3: {
		Index: 3, Link: "a", Routes: []string{"x"}, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")},
	}}}
	got = Build(f).Rules
	assert.Nil(t, got.Have)
	assert.Equal(t, 4, got.Want)
	require.Len(t, got.Links, 2)
	assert.Equal(t, "a", got.Links[0].Link)
}
