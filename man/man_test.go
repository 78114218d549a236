// Package man_test compares the manual pages with what they describe.
package man_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/hosttest"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/subcmd"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// words returns what a page says, without its macros' punctuation.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\t,()", r) })
}

func TestPagesAreWellFormed(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		hosttest.Lacks(t, "no mandoc on this machine")
	}
	pages, err := filepath.Glob("netbrk*.[0-9]")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, name := range pages {
		// -W warning: style notes name pages that this machine has not installed.
		out, err := exec.Command(mandoc, "-T", "lint", "-W", "warning", name).CombinedOutput()
		assert.NoError(t, err, "%s:\n%s", name, out)
	}
}

// help returns what netbrk prints for --help.
func help(t *testing.T, verb ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Zero(t, subcmd.Main(slices.Concat([]string{"netbrk"}, verb, []string{"--help"}), &stdout, &stderr), stderr.String())
	return stdout.String()
}

var (
	helpVerb = regexp.MustCompile(`(?m)^   ([a-z-]+)  +\S`)
	helpFlag = regexp.MustCompile(`(?m)^   --([a-z-]+)`)
	pageFlag = regexp.MustCompile(`\bFl -([a-z-]+)`)
	pageVerb = regexp.MustCompile(`(?m)^\.Ss netbrk ([a-z-]+)$`)
)

func all(re *regexp.Regexp, text string) []string {
	var found []string
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestVerbsAndFlags holds netbrk(1) to the program's own help, both ways.
func TestVerbsAndFlags(t *testing.T) {
	text := page(t, "netbrk.1")
	_, commands, found := strings.Cut(help(t), "COMMANDS:")
	require.True(t, found)
	commands, _, _ = strings.Cut(commands, "\n\n")
	verbs := all(helpVerb, commands)
	require.NotEmpty(t, verbs)
	assert.Equal(t, verbs, all(pageVerb, text))

	flags := all(helpFlag, help(t))
	for _, verb := range verbs {
		flags = append(flags, all(helpFlag, help(t, verb))...)
	}
	slices.Sort(flags)
	flags = slices.DeleteFunc(slices.Compact(flags), func(f string) bool { return f == "help" })
	assert.Equal(t, flags, all(pageFlag, text))
}

// TestExamples makes sure that what the pages tell to type is there to be typed.
func TestExamples(t *testing.T) {
	line := regexp.MustCompile(`(?m)^\.Dl [$#] netbrk ([a-z-]+)(.*)$`)
	for _, name := range []string{"netbrk.1", "netbrk-hooks.7", "netbrk-rules.7", "netbrk-cloud.7"} {
		examples := line.FindAllStringSubmatch(page(t, name), -1)
		assert.NotEmpty(t, examples, name)
		for _, m := range examples {
			for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(m[2], -1) {
				assert.Contains(t, all(helpFlag, help(t, m[1])), flag[1], m[0])
			}
		}
	}
}

// TestKeys holds the lists of keys of JSON documents to the types that have them.
func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		begins string // of the list, told by its width
		of     reflect.Type
	}{
		{"previous_link", reflect.TypeFor[hostnet.Event]()},
		{"previous_host_name", reflect.TypeFor[report.LinkLeases]()},
		{"addresses_and_prefixes", reflect.TypeFor[hostnet.Lease]()},
		{"schema_version", reflect.TypeFor[report.RulesDocument]()},
		{"schema_version_", reflect.TypeFor[report.ConfigDocument]()},
		{"carrier_changes", reflect.TypeFor[report.LinkRules]()},
		{"provider_and_why", reflect.TypeFor[report.CloudDocument]()},
		{"instance_id_and_boot", reflect.TypeFor[report.CloudLink]()},
		{"schema_version_1", reflect.TypeFor[report.Status]()},
		{"part_of_it", reflect.TypeFor[report.Reason]()},
		{"oldest_seconds", reflect.TypeFor[report.WatcherState]()},
		{"addresses_and_so_on", reflect.TypeFor[report.LinkStatus]()},
		{"contended_and_problems", reflect.TypeFor[report.RulesStatus]()},
		{"dispatchers_", reflect.TypeFor[report.HooksStatus]()},
		{"duration_seconds", reflect.TypeFor[report.HookRun]()},
		{"instance_id_and_system", reflect.TypeFor[report.CloudStatus]()},
		{"schema_version_and_from", reflect.TypeFor[report.Explanation]()},
	} {
		_, list, found := strings.Cut(page(t, "netbrk.1"), `.Bl -tag -width "`+tt.begins+`" -compact`)
		require.True(t, found, tt.begins)
		list, _, _ = strings.Cut(list, "\n.El")
		var keys []string
		for _, field := range reflect.VisibleFields(tt.of) {
			if field.Anonymous {
				continue // its own fields follow
			}
			key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if key == "-" {
				continue
			}
			keys = append(keys, key)
		}
		var told []string
		for _, m := range regexp.MustCompile(`(?m)^\.It (\S+(?: , \S+)*)$`).FindAllStringSubmatch(list, -1) {
			told = append(told, strings.Split(m[1], " , ")...)
		}
		assert.ElementsMatch(t, keys, told, tt.of.Name())
	}
}

// TestStatusKeys has those that are told beside another key.
func TestStatusKeys(t *testing.T) {
	_, section, found := strings.Cut(page(t, "netbrk.1"), ".Ss netbrk status\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n.Ss ")
	told := words(section)
	for _, of := range []reflect.Type{
		reflect.TypeFor[report.Health](), reflect.TypeFor[report.SpoolStatus](), reflect.TypeFor[report.UnitStatus](),
		reflect.TypeFor[report.AddressStatus](), reflect.TypeFor[report.RulesCount](), reflect.TypeFor[report.RefusedHook](), reflect.TypeFor[report.RefusedEntry](),
		reflect.TypeFor[report.ExplainedRule](), reflect.TypeFor[hostnet.FIBRoute](),
	} {
		for _, field := range reflect.VisibleFields(of) {
			if key, _, _ := strings.Cut(field.Tag.Get("json"), ","); key != "-" {
				assert.Contains(t, told, key, of.Name())
			}
		}
	}
}

// TestStatusExample has the example of netbrk status as the program would print it.
func TestStatusExample(t *testing.T) {
	_, example, found := strings.Cut(page(t, "netbrk.1"), "$ netbrk status\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "\n.Ed")
	golden := page(t, "../internal/display/testdata/example.txt")
	assert.Equal(t, strings.ReplaceAll(strings.TrimSuffix(golden, "\n"), "\\", "\\e"), example)
	assert.Contains(t, page(t, "../README.md"), golden)
}

func TestUnitsAreTold(t *testing.T) {
	units, err := filepath.Glob("../units/netbrk*.*")
	require.NoError(t, err)
	require.NotEmpty(t, units)
	told := words(page(t, "netbrk.1"))
	for _, unit := range units {
		assert.True(t, slices.Contains(told, filepath.Base(unit)), "%s is not told", filepath.Base(unit))
	}
}

// TestStateIsTold has every directory of the state among the files of netbrk(1).
func TestStateIsTold(t *testing.T) {
	told := words(page(t, "netbrk.1"))
	dirs := all(regexp.MustCompile(`(?m)^d +(/run/netbrk/\S+)`), page(t, "../units/tmpfiles.d/netbrk.conf"))
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		assert.True(t, slices.ContainsFunc(told, func(word string) bool {
			return word == dir || strings.HasPrefix(word, dir+"/")
		}), "%s is not told", dir)
	}
}

// TestRulesNumbers holds netbrk-rules(7) to the numbers that rules and tables get.
func TestRulesNumbers(t *testing.T) {
	text := page(t, "netbrk-rules.7")
	network := config.Default("").Network
	assert.Contains(t, text, fmt.Sprintf("RulePriority, %d by default", network.RulePriority))
	assert.Contains(t, text, fmt.Sprintf("RouteTableBase, %d by default", network.RouteTableBase))
	assert.Contains(t, text, fmt.Sprintf("routing protocol %d,", hostnet.Protocol))
	for place := range 4 {
		assert.Contains(t, text, fmt.Sprintf("\n%d:\t", int(network.RulePriority)+place))
	}
}

// TestRulesCommands has the steps of the example on netbrk-rules(7) as the
// program would print them.
func TestRulesCommands(t *testing.T) {
	_, example, found := strings.Cut(page(t, "netbrk-rules.7"), "# netbrk apply-rules --dry-run ens6\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "\n.Ed")
	address, subnet := netip.MustParsePrefix("192.0.2.20/32"), netip.MustParsePrefix("192.0.2.0/24")
	const table = 10002
	route := hostnet.Route{Table: table, Type: hostnet.RouteUnicast, Index: 3, Protocol: hostnet.Protocol}
	connected, gateway := route, route
	connected.Destination, connected.Source, connected.Scope = subnet, address.Addr(), hostnet.ScopeLink
	gateway.Destination, gateway.Gateway = netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.0.2.1")
	var printed []string
	step := func(s hostnet.Step) { printed = append(printed, s.Command(func(int) string { return "ens6" })) }
	step(hostnet.Step{Route: connected})
	step(hostnet.Step{Route: gateway})
	for _, r := range []hostnet.Rule{
		{Priority: 30001, Table: hostnet.TableMain},
		{Priority: 30003, To: address, Table: table, SuppressPrefixLength: hostnet.NoSuppress},
		{Priority: 30002, From: address, Table: table, SuppressPrefixLength: hostnet.NoSuppress},
		{Priority: 30000, From: address, Table: table},
	} {
		r.Family, r.Protocol = hostnet.IPv4, hostnet.Protocol
		step(hostnet.Step{IsRule: true, Rule: r})
	}
	assert.Equal(t, strings.Join(printed, "\n"), example)
}

// TestCloudKeys holds the list of keys of cloud-sync's document to the contract.
func TestCloudKeys(t *testing.T) {
	_, list, found := strings.Cut(page(t, "netbrk.1"), `.\" JSON keys of cloud-sync: the document`)
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n.El")
	told := all(regexp.MustCompile(`(?m)^\.It (\S+)$`), list)
	assert.ElementsMatch(t, []string{"schema_version", "dry_run", "provider", "why", "links", "steps", "problems"}, told)
}

// TestCloudProviders has every cloud in each list of netbrk-cloud(7): what is told
// there, what else there is to know, and how it is found out.
func TestCloudProviders(t *testing.T) {
	text := page(t, "netbrk-cloud.7")
	for _, provider := range config.Providers() {
		assert.Contains(t, text, "\n.It "+provider+" Ta ")
		assert.Equal(t, 2, strings.Count(text, "\n.It "+provider+"\n"), provider)
	}
}

// TestCloudKeysOfConfiguration: what the page tells to set is there to be set.
func TestCloudKeysOfConfiguration(t *testing.T) {
	told := words(page(t, "netbrk-cloud.7"))
	for _, key := range []string{"Network.Links", "Network.Supplementary", "Cloud.Provider", "System.RefreshTimer"} {
		assert.Contains(t, config.Keys(), key)
		_, name, _ := strings.Cut(key, ".")
		assert.Contains(t, told, name)
	}
}

func TestHookDirectories(t *testing.T) {
	told := words(page(t, "netbrk-hooks.7"))
	for _, dir := range hostnet.Directories() {
		assert.True(t, slices.Contains(told, dir), "%s is not told", dir)
	}
}

// TestHookEnvironment has every variable that a hook can see in netbrk-hooks(7).
func TestHookEnvironment(t *testing.T) {
	states := hostnet.States{}
	for _, p := range hostnet.Properties() {
		states[p] = "routable"
	}
	in := dispatcher.Input{
		Link: "eth0", States: states, Lease: "ADDRESS=192.0.2.1", DNS: "192.0.2.2", Domain: "example",
		JSON: []byte("{}"), JSONFile: "/run/x",
	}
	state := hostnet.Event{
		ID: "a-1", Seq: 1, Kind: hostnet.KindState, Index: 2, Link: "eth0", Coalesced: 1,
		Property: hostnet.OperationalState, State: "routable", Previous: "degraded",
	}
	renamed := hostnet.Event{
		ID: "a-2", Seq: 2, Kind: hostnet.KindLinks, Index: 2, Link: "eth0",
		Action: hostnet.ActionRenamed, PreviousLink: "eth1",
	}
	address := hostnet.Event{
		ID: "a-3", Seq: 3, Kind: hostnet.KindAddresses, Index: 2, Link: "eth0",
		Action: hostnet.ActionAdded, Address: "192.0.2.1/24",
	}
	route := hostnet.Event{
		ID: "a-4", Seq: 4, Kind: hostnet.KindRoutes, Index: 2, Link: "eth0",
		Action: hostnet.ActionAdded, Route: "default via 192.0.2.2",
	}
	_, section, found := strings.Cut(page(t, "netbrk-hooks.7"), ".Sh ENVIRONMENT")
	require.True(t, found)
	section, _, _ = strings.Cut(section, ".Sh PROCESS")
	told := words(section)
	var seen []string
	for _, in.Event = range []hostnet.Event{state, renamed, address, route} {
		env, omitted := dispatcher.Environ(in)
		require.Empty(t, omitted)
		for _, variable := range env {
			name, _, _ := strings.Cut(variable, "=")
			seen = append(seen, name)
			assert.True(t, slices.Contains(told, name), "%s is not told", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\.It Ev (.*)$`).FindAllStringSubmatch(section, -1) {
		for _, name := range words(m[1]) {
			assert.True(t, slices.Contains(seen, name), "%s is told, and no event has it", name)
		}
	}
}

// TestHookJSON holds netbrk-hooks(7) to the keys of a whole document, addresses
// and routes included.
func TestHookJSON(t *testing.T) {
	var document map[string]any
	require.NoError(t, json.Unmarshal([]byte(page(t, "../internal/report/testdata/link.json")), &document))
	told := words(strings.ReplaceAll(page(t, "netbrk-hooks.7"), ":", ""))
	for key, value := range document {
		assert.True(t, slices.Contains(told, key), "%s is not told", key)
		if key != "Address" && key != "Routes" {
			continue
		}
		list, ok := value.([]any)
		require.True(t, ok && len(list) > 0, key)
		for inner := range list[0].(map[string]any) {
			assert.True(t, slices.Contains(told, inner), "%s of %s is not told", inner, key)
		}
	}
}
