package display

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

func is(b bool) *bool { return &b }

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func addresses(list ...string) []report.AddressStatus {
	var all []report.AddressStatus
	for _, p := range prefixes(list...) {
		all = append(all, report.AddressStatus{Address: p})
	}
	return all
}

func states(oper, admin string) hostnet.States {
	return hostnet.States{hostnet.OperationalState: oper, hostnet.AdministrativeState: admin}
}

// sound is the document of a cloud instance on which nothing is wrong.
func sound() report.Status {
	have := 16
	return report.Status{
		SchemaVersion: 1, Version: "1.0", HostName: "web3", Time: now, Health: report.Health{State: report.HealthOK, Reasons: []report.Reason{}}, Notes: []string{},
		Watcher: &report.WatcherState{Running: is(true), PID: 812, Generators: []string{"systemd-networkd"}, Spools: []report.SpoolStatus{{Spool: "events"}}},
		Units:   []report.UnitStatus{{Unit: "netbrk-watch.service", Load: "loaded", Active: "active", Sub: "running"}},
		Links: []report.LinkStatus{
			{Index: 1, Link: "lo", Kind: "loopback", MTU: 65536, States: states("carrier", "unmanaged"), Addresses: []report.AddressStatus{}},
			{
				Index: 2, Link: "ens5", Kind: "ether", MAC: "02:00:00:00:00:05", MTU: 9001, States: states("routable", "configured"), Watched: true,
				Addresses: addresses("192.0.2.10/24", "2001:db8::10/64"), Gateways: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			},
			{
				Index: 3, Link: "ens6", Kind: "ether", MAC: "02:00:00:00:00:06", MTU: 9001, States: states("routable", "configured"), Watched: true, Table: 10002,
				Addresses: []report.AddressStatus{
					{Address: netip.MustParsePrefix("192.0.2.20/24")}, {Address: netip.MustParsePrefix("192.0.2.21/32"), Origin: "netbrk"},
					{Address: netip.MustParsePrefix("2001:db8::21/128"), Origin: "netbrk", Flags: []string{"tentative"}},
				},
				Leases: &report.LinkLeases{Link: "ens6", IPv4: &hostnet.Lease{Server: netip.MustParseAddr("192.0.2.2"), Expire: now.Add(time.Hour)}},
			},
		},
		Rules: &report.RulesStatus{
			Want: 16, Have: &have, Wanted: &report.RulesCount{Rules: 11, Routes: 3, Addresses: 2}, Missing: &report.RulesCount{},
			Links: []report.LinkRules{{
				Index: 3, Link: "ens6", Table: 10002, Addresses: prefixes("192.0.2.20/32", "192.0.2.21/32", "2001:db8::21/128"),
				Routes:   []string{"192.0.2.0/24 dev ens6 table 10002 scope link src 192.0.2.20", "default via 192.0.2.1 dev ens6 table 10002"},
				Gateway4: &report.RulesGateway{Address: netip.MustParseAddr("192.0.2.1"), Source: "dhcp"},
				Added:    prefixes("192.0.2.21/32", "2001:db8::21/128"), Changed: now.Add(-26 * time.Hour),
			}},
		},
		Hooks: &report.HooksStatus{Runs: []report.HookRun{
			{Hook: "/etc/netbrk/routable.d/50-ddns", Directory: "routable.d", Link: "ens5", Start: now.Add(-2 * time.Minute), Duration: 0.013, Outcome: "done"},
			{Hook: "/usr/lib/netbrk/carrier.d/ens*/10-led", Directory: "carrier.d", Link: "ens5", Start: now.Add(-150 * time.Second), Duration: 1.2, Outcome: "interrupted"},
		}},
		Cloud: &report.CloudStatus{
			CloudSync: report.CloudSync{Provider: "aws", Why: `sys_vendor is "Amazon EC2"`, Outcome: "done"}, LastSync: now.Add(-3 * time.Minute), Next: now.Add(2 * time.Minute),
			System: hostnet.System{
				Provider: "aws", InstanceID: "i-0123", Type: "m7.large", Region: "eu-central-1", Zone: "eu-central-1a", Account: "42", PublicIPv4: "198.51.100.7",
				SSHKeys: []string{"a", "b"}, Details: []hostnet.Detail{{Key: "architecture", Value: "x86_64"}, {Key: "type", Value: "m7.large"}},
			},
			NICs: []report.CloudLink{
				{Index: 2, Link: "ens5", Keeper: "systemd-networkd", NIC: hostnet.NIC{MAC: "02:00:00:00:00:05", ID: "eni-5", Primary: true, Addresses: []hostnet.CloudAddress{
					{Addr: netip.MustParseAddr("192.0.2.10"), Bits: 24, Role: "primary", Public: netip.MustParseAddr("198.51.100.7")},
				}, Subnets: prefixes("192.0.2.0/24")}},
				{Index: 3, Link: "ens6", Keeper: "systemd-networkd", Routed: true, NIC: hostnet.NIC{MAC: "02:00:00:00:00:06", ID: "eni-6", Addresses: []hostnet.CloudAddress{
					{Addr: netip.MustParseAddr("192.0.2.20"), Bits: 24, Role: "primary"}, {Addr: netip.MustParseAddr("192.0.2.21"), Role: "secondary"},
				}, Ranges: []hostnet.CloudRange{{Prefix: netip.MustParsePrefix("2001:db8:1::/80"), Kind: "delegated"}}, Gateway4: netip.MustParseAddr("192.0.2.1"), MTUBytes: 9001}},
			},
		},
	}
}

// degraded has everything wrong.
func degraded() report.Status {
	doc := sound()
	have := 12
	const hook = "/etc/netbrk/routable.d/50-ddns"
	doc.Health = report.Health{State: report.HealthDegraded, Reasons: []report.Reason{
		{Part: "config", What: "/etc/netbrk/netbrk.toml:7:1: Network.Linkz: unknown key; did you mean Links?", Hint: "netbrk config check"},
		{Part: "watcher", What: "netbrk watch is not running: no change of the network is seen", Hint: "systemctl start netbrk.target"},
		{Part: "rules", What: "3 rules are missing, 1 rule, route or address should not be there", Hint: "netbrk apply-rules"},
		{Part: "rules", Link: "ens6", What: "somebody keeps removing 192.0.2.21/32", Hint: "ip -timestamp monitor rule route"},
		{Part: "hooks", Link: "ens5", What: hook + ": exit status 1: \x1b[31mcurl: (7) Failed to connect to ddns.example port 443", Hint: "netbrk run-hooks --link ens5 --state routable"},
		{Part: "hooks", What: "/etc/netbrk/routable.d/60-open does not run: it is writable by others (mode 0757)", Hint: "chmod go-w /etc/netbrk/routable.d/60-open"},
		{Part: "cloud", What: "NIC 02:00:00:00:00:06 (ens6) is not complete in the metadata, and left as it is: ipv6s", Hint: "netbrk cloud-sync"},
	}}
	doc.Notes = []string{"states of links are the kernel's: systemd-networkd is not on the bus"}
	doc.Watcher = &report.WatcherState{Running: is(false), Pending: 70, Oldest: 4000, Generators: []string{"systemd-networkd", "dhclient"}, Spools: []report.SpoolStatus{
		{Spool: "events", Pending: 64, Oldest: 4000}, {Spool: "rules-pending", Pending: 6, Oldest: 3},
	}}
	doc.Links[1].States = states("no-carrier", "failed")
	doc.Links[1].Addresses = []report.AddressStatus{}
	doc.Links = append(doc.Links, report.LinkStatus{Index: 4, Link: "e\x1b[2J7", States: states("off", "unmanaged")}) // the kernel takes it
	doc.Rules.Have, doc.Rules.Missing, doc.Rules.Stale = &have, &report.RulesCount{Rules: 3, Addresses: 1}, 1
	doc.Rules.Drift = []string{
		"ip -4 address add 192.0.2.21/32 dev ens6 noprefixroute", "ip -4 rule add from all to 192.0.2.20 lookup 10002 priority 30003 protocol 110",
		"ip -4 rule add from 192.0.2.20 lookup 10002 priority 30002 protocol 110", "ip -4 rule add from 192.0.2.20 lookup 10002 suppress_prefixlength 0 priority 30000 protocol 110",
		"ip -4 rule delete from 192.0.2.99 lookup 10002 priority 30002 protocol 110",
	}
	doc.Rules.Contended = []string{"ens6: 192.0.2.21/32"}
	doc.Rules.Problems = []string{"adding rule from all lookup main: operation not permitted"}
	ens6 := &doc.Rules.Links[0]
	ens6.Problems, ens6.Contended = []string{"adding route default via 192.0.2.1: file exists"}, []string{"192.0.2.21/32"}
	ens6.Losses = []report.Loss{{Object: "192.0.2.21/32", Count: 40, RetryAt: now.Add(32 * time.Second)}}
	doc.Rules.Links = append(doc.Rules.Links,
		report.LinkRules{Index: 4, Link: "e\x1b[2J7", Table: 10003, Skipped: "no global address", Routes: []string{"default dev e\x1b[2J7"}}, report.LinkRules{Index: 5, Link: "ens8", Table: 10004, Flushed: true},
		report.LinkRules{Index: 6, Link: "wg0", Table: 10005, Addresses: prefixes("198.51.100.9/32"), Notes: []string{"no gateway is known for IPv4"}},
	)
	failed := report.HookRun{
		Hook: hook, Directory: "routable.d", Link: "ens5", Start: now.Add(-time.Minute), Duration: 30.2, Failed: true, Outcome: "exit status 1",
		LastLine: "\x1b[31mcurl: (7) Failed to connect to ddns.example port 443",
	}
	doc.Hooks = &report.HooksStatus{
		Runs: append([]report.HookRun{failed}, doc.Hooks.Runs...), Failures: 1, Failing: []report.HookRun{failed}, Unhandled: 1,
		Entries:     []report.RefusedEntry{{Entry: "x\x1b.json", Why: "refused: not a name of the spool", Time: now.Add(-time.Hour)}},
		Refused:     []report.RefusedHook{{Hook: "/etc/netbrk/routable.d/60-open", Why: "/etc/netbrk/routable.d/60-open is writable by others (mode 0757): chmod go-w /etc/netbrk/routable.d/60-open"}},
		Dispatchers: []string{"networkd-dispatcher.service"},
	}
	for i := range 7 {
		doc.Hooks.Runs = append(doc.Hooks.Runs, report.HookRun{Hook: fmt.Sprintf("/etc/netbrk/off.d/%d", i), Directory: "off.d", Link: "e\x1b[2J7", Start: now.Add(-time.Hour), Outcome: "done"})
	}
	doc.Cloud.Outcome = "partial"
	doc.Cloud.Problems = []string{"NIC 02:00:00:00:00:06 (ens6) is not complete in the metadata, and left as it is: ipv6s"}
	doc.Cloud.NICs[0].Rival = "amazon-ec2-net-utils"
	return doc
}

// bare is a host without the daemon, a cloud or anything to do.
func bare() report.Status {
	have := 0
	doc := sound()
	doc.HostName = ""
	doc.Health = report.Health{State: report.HealthDegraded, Reasons: []report.Reason{
		{Part: "watcher", What: "netbrk watch is not running: no change of the network is seen", Hint: "netbrk watch --dispatch=exec"},
	}}
	doc.Watcher = &report.WatcherState{Running: is(false), Generators: []string{"kernel"}}
	doc.Links = doc.Links[:1]
	doc.Rules = &report.RulesStatus{Have: &have, Wanted: &report.RulesCount{}, Missing: &report.RulesCount{}}
	doc.Hooks = &report.HooksStatus{}
	doc.Cloud = &report.CloudStatus{CloudSync: report.CloudSync{Provider: "none", Why: `no known cloud: sys_vendor is "QEMU"`}}
	return doc
}

// example is that of netbrk(1) and README.md.
func example() report.Status {
	const hook = "/etc/netbrk/routable.d/50-ddns"
	have := 5
	doc := sound()
	doc.Health = report.Health{State: report.HealthDegraded, Reasons: []report.Reason{
		{Part: "rules", What: "1 rule is missing", Hint: "netbrk apply-rules"},
		{Part: "hooks", Link: "eth0", What: hook + ": exit status 7: curl: (7) Failed to connect", Hint: "netbrk run-hooks --link eth0 --state routable"},
	}}
	eth0, eth1 := doc.Links[1], doc.Links[2]
	eth0.Link, eth1.Link, eth1.Leases, eth1.Addresses = "eth0", "eth1", nil, addresses("192.0.2.20/24")
	doc.Links = []report.LinkStatus{doc.Links[0], eth0, eth1}
	doc.Rules = &report.RulesStatus{
		Want: 6, Have: &have, Wanted: &report.RulesCount{Rules: 4, Routes: 2}, Missing: &report.RulesCount{Rules: 1},
		Links: []report.LinkRules{{
			Index: 3, Link: "eth1", Table: 10002, Addresses: prefixes("192.0.2.20/32"),
			Gateway4: &report.RulesGateway{Address: netip.MustParseAddr("192.0.2.1"), Source: "main table"},
		}},
		Drift: []string{"ip -4 rule add from 192.0.2.20 lookup 10002 priority 30002 protocol 110"},
	}
	doc.Hooks = &report.HooksStatus{Failures: 1, Runs: []report.HookRun{
		{Hook: hook, Directory: "routable.d", Link: "eth0", Start: now.Add(-4 * time.Minute), Duration: 2.1, Failed: true, Outcome: "exit status 7", LastLine: "curl: (7) Failed to connect"},
		{Hook: "/etc/netbrk/carrier.d/10-led", Directory: "carrier.d", Link: "eth0", Start: now.Add(-4 * time.Minute), Duration: 0.004, Outcome: "done"},
	}}
	doc.Hooks.Failing = doc.Hooks.Runs[:1]
	doc.Cloud = &report.CloudStatus{CloudSync: report.CloudSync{Provider: "none", Why: `sys_vendor is "LENOVO"`}}
	return doc
}

// crowd is a host of a thousand links.
func crowd() report.Status {
	doc := sound()
	for i := range 1000 {
		l := report.LinkStatus{Index: 10 + i, Link: fmt.Sprintf("veth%04x", i*7919), Kind: "ether", States: states("enslaved", "unmanaged"), Watched: true, Addresses: []report.AddressStatus{}}
		if i == 998 {
			l.States = states("no-carrier", "failed")
		}
		if i == 999 {
			l.States = states("routable", "configured")
			for n := range 50 {
				l.Addresses = append(l.Addresses, addresses(fmt.Sprintf("203.0.113.%d/24", n))...)
			}
		}
		doc.Links = append(doc.Links, l)
	}
	for i := range 40 {
		doc.Rules.Links = append(doc.Rules.Links, report.LinkRules{Index: 10 + i, Link: doc.Links[3+i].Link, Table: uint32(10009 + i), Addresses: prefixes("192.0.2.1/32")})
	}
	return doc
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestGoldens(t *testing.T) {
	wide := Options{Width: 100}
	for _, tt := range []struct {
		name string
		show func(report.Status, Options) string
		doc  report.Status
		o    Options
	}{
		{"example", Status, example(), Options{Width: 80}},
		{"status-ok", Status, sound(), Options{Width: 80}},
		{"status-degraded", Status, degraded(), wide},
		{"status-degraded-narrow", Status, degraded(), Options{Width: 40}},
		{"status-degraded-colour", Status, degraded(), Options{Width: 80, Colour: true}},
		{"status-ok-colour", Status, sound(), Options{Width: 80, Colour: true}},
		{"status-degraded-plain", Status, degraded(), Options{Width: 80, Plain: true}},
		{"status-no-daemon", Status, bare(), Options{Width: 80}},
		{"status-crowd", Status, crowd(), Options{Width: 80}},
		{"status-file", Status, sound(), Options{}},
		{"links", Links, sound(), wide},
		{"rules-degraded", Rules, degraded(), wide},
		{"hooks-degraded", Hooks, degraded(), wide},
		{"cloud-degraded", Cloud, degraded(), wide},
		{"system", System, sound(), wide},
		{"network", Network, sound(), wide},
		{"system-none", System, bare(), wide},
	} {
		t.Run(tt.name, func(t *testing.T) { golden(t, tt.name, tt.show(tt.doc, tt.o)) })
	}
}

var escape = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// TestEveryLineFits has no line that a terminal would break, at any width, and no
// character that the document's authors could do harm with.
func TestEveryLineFits(t *testing.T) {
	shows := map[string]func(report.Status, Options) string{
		"status": Status, "links": Links, "rules": Rules, "hooks": Hooks, "cloud": Cloud, "system": System, "network": Network,
	}
	for name, show := range shows {
		for _, doc := range []report.Status{sound(), degraded(), bare(), crowd()} {
			for _, columns := range []int{40, 59, 60, 61, 80, 132} {
				for _, o := range []Options{{Width: columns}, {Width: columns, Colour: true}, {Width: columns, Plain: true}} {
					text := show(doc, o)
					for line := range strings.Lines(text) {
						line = strings.TrimSuffix(line, "\n")
						shown := escape.ReplaceAllString(line, "")
						assert.LessOrEqual(t, len([]rune(shown)), columns, "%s at %d: %q", name, columns, line)
						assert.NotContains(t, shown, "\x1b", "%s at %d", name, columns)
						assert.Equal(t, strings.TrimRight(line, " "), line, "trailing space")
						if o.Plain {
							assert.Regexp(t, `^[ -~]*$`, line)
						}
						if !o.Colour {
							assert.Equal(t, shown, line)
						}
					}
				}
			}
		}
	}
}

// TestOneScreen: the overview of a host of any size is not much more than a screen.
func TestOneScreen(t *testing.T) {
	assert.LessOrEqual(t, strings.Count(Status(sound(), Options{Width: 80}), "\n"), 24)
	assert.LessOrEqual(t, strings.Count(Status(crowd(), Options{Width: 80}), "\n"), 50)
}

func TestTheImportantLinksAreShown(t *testing.T) {
	text := Status(crowd(), Options{Width: 80})
	assert.Contains(t, text, "ens6", "it has a table")
	assert.Regexp(t, `veth\w+ +no-carrier \(failed\)`, text)
	assert.Regexp(t, `203.0.113.0/24, .*… and \d+ more`, text)
	assert.Contains(t, text, "… and 991 more: netbrk status links")
	assert.Contains(t, text, "… and 35 more: netbrk status rules")
}

func BenchmarkCrowd(b *testing.B) {
	doc := crowd()
	for b.Loop() {
		Status(doc, Options{Width: 80})
	}
}
