package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/netbrk/netbrk/"

// pkg is what is needed of a line of go list. Imports are the direct ones,
// without those of tests: of the standard library, what a package imports
// itself is all that can be asked, since fmt alone pulls in os.
type pkg struct {
	ImportPath string
	Imports    []string
}

// support are the packages that only tests link, each with what it may import of
// what is banned below.
var support = map[string][]string{
	"internal/archtest":                nil,
	"internal/bench":                   nil,
	"internal/bustest":                 {"github.com/godbus/dbus", "os/exec"},
	"internal/cloud/cloudtest":         nil,
	"internal/cloud/imdstest":          {"net/http"},
	"internal/cloud/imdstest/cmd/imds": {"net/http"},
	"internal/demotest":                nil,
	"internal/e2e":                     {"github.com/vishvananda", "os/exec"},
	"internal/faulttest":               nil,
	"internal/hosttest":                {"os/exec"},
	"internal/netnstest":               {"github.com/vishvananda", "os/exec"},
	"internal/report/reporttest":       nil,
	"internal/resolved/resolvedtest":   {"github.com/godbus/dbus"},
	"internal/scale":                   nil,
	"internal/scale/cmd/fleet":         nil,
	"man":                              nil,
	"units":                            nil,
}

// ours lists which of our packages a package may import. Adapters and logic
// meet in subcmd alone.
var ours = map[string][]string{
	"cmd/netbrk": {"subcmd"},
	"subcmd": {
		"dispatcher", "state", "internal/api", "internal/cloud", "internal/cloud/providers", "internal/config", "internal/dhclient", "internal/generator",
		"internal/hostnet", "internal/journal", "internal/kernel", "internal/networkd", "internal/plan", "internal/reconcile", "internal/report",
		"internal/resolved", "internal/systemd", "internal/udev", "internal/watch",
		"internal/display", "internal/explain", "internal/health", "internal/metrics",
	},
	"internal/reconcile": {"internal/hostnet", "internal/plan", "internal/report"},
	"internal/plan":      {"internal/hostnet"},
	"state":              {"internal/dirwatch", "internal/hostnet", "internal/report"},
	"dispatcher":         {"internal/hostnet", "internal/report"},
	"internal/watch":     {"internal/hostnet"},
	"internal/api":       {"internal/hostnet", "internal/report"},
	"internal/report":    {"internal/hostnet"},
	"internal/config":    {"internal/hostnet"},
	"internal/kernel":    {"internal/hostnet"},
	"internal/networkd":  {"internal/dirwatch", "internal/hostnet", "internal/systembus"},
	"internal/resolved":  {"internal/hostnet", "internal/systembus"},
	"internal/systembus": {},
	"internal/dirwatch":  {},
	"internal/systemd":   {"internal/hostnet", "internal/systembus"},
	"internal/health":    {"internal/hostnet", "internal/report"},
	"internal/display":   {"internal/health", "internal/hostnet", "internal/report"},
	"internal/metrics":   {"internal/hostnet", "internal/report"},
	"internal/explain":   {"internal/hostnet", "internal/report"},
	"internal/dhclient":  {"internal/dirwatch", "internal/hostnet", "internal/report"},
	"internal/udev":      {"internal/hostnet"},
	"internal/generator": {},
	"internal/journal":   {},
	"internal/cloud":     {"internal/hostnet"},
	"internal/hostnet":   {},

	"internal/cloud/providers": {
		"internal/cloud", "internal/cloud/alibaba", "internal/cloud/aws", "internal/cloud/azure", "internal/cloud/digitalocean",
		"internal/cloud/gcp", "internal/cloud/hetzner", "internal/cloud/openstack", "internal/cloud/oracle",
	},
}

// isCloud reports whether a package is one of a cloud, which knows how to ask and what
// the answer means, and no other cloud.
func isCloud(name string) bool {
	return name != "internal/cloud" && slices.Contains(ours["internal/cloud/providers"], name)
}

// mayImport are ours that a package may import; known is false for one that nothing
// here is said of.
func mayImport(name string) (allowed []string, known bool) {
	if isCloud(name) {
		return []string{"internal/cloud", "internal/hostnet"}, true
	}
	allowed, known = ours[name]
	return allowed, known
}

// ban keeps a package, and those below it, to a few of ours.
type ban struct {
	path   string
	only   []string
	reason string
}

var bans = []ban{
	{"github.com/BurntSushi/toml", []string{"internal/config"}, "internal/config alone reads TOML"},
	{"go.yaml.in/yaml", []string{"internal/cloud/hetzner"}, "internal/cloud/hetzner alone reads YAML"},
	{"github.com/vishvananda", []string{"internal/kernel"}, "internal/kernel alone speaks rtnetlink"},
	{
		"github.com/godbus/dbus",
		[]string{"internal/networkd", "internal/resolved", "internal/systembus", "internal/systemd"},
		"those named after who answers speak D-Bus, nobody else",
	},
	{"github.com/urfave/cli", []string{"subcmd"}, "subcmd alone knows the command line"},
	{"os/exec", []string{"dispatcher"}, "dispatcher alone starts processes"},
	{"github.com/hashicorp", []string{"internal/cloud"}, "internal/cloud alone asks over HTTP"},
	{"net/http", []string{"internal/api", "internal/cloud"}, "internal/cloud alone asks over HTTP, and internal/api alone answers: 2.8 MB resident"},
	{"golang.org/x/net", []string{"internal/api"}, "internal/api alone serves"},
	{"text/template", nil, "the watcher's memory is a headline figure: 1.1 MB resident"},
	{"html/template", nil, "the watcher's memory is a headline figure"},
	{"log", nil, "log/slog is passed in"},
	{"testing", nil, "it is for tests"},
}

// pure are the packages that do no I/O, beside each cloud's, and reads the paths that
// would.
var (
	pure = []string{
		"internal/hostnet", "internal/plan", "internal/report", "internal/cloud/providers",
		"internal/health", "internal/display", "internal/metrics", "internal/explain",
	}
	reads = []string{"os", "io/fs", "io/ioutil", "net", "syscall", "golang.org/x/sys/unix"}
)

// unlinked must not be in the binary, whoever asks for it.
var unlinked = map[string]string{
	"golang.org/x/net/http2":           "net/http's own copy is left out too: build with the Makefile's TAGS",
	"github.com/cpuguy83/go-md2man/v2": "urfave/cli's documentation generator: build with the Makefile's TAGS",
	"github.com/russross/blackfriday":  "it allocates 200 KB when any verb starts",
	"github.com/xrash/smetrics":        "urfave/cli's suggestions: build with the Makefile's TAGS",
	"github.com/stretchr/testify":      "it is for tests",
	"github.com/prometheus":            "it is for tests: internal/metrics writes the format itself",
	"github.com/rogpeppe/go-internal":  "it is for tests",
}

// isPure leaves out Hetzner's, whose answer is YAML.
func isPure(name string) bool {
	return slices.Contains(pure, name) || isCloud(name) && name != "internal/cloud/hetzner"
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// violations names each import of p that a rule forbids, and why.
func violations(p pkg) []string {
	name := strings.TrimPrefix(p.ImportPath, module)
	excused, test := support[name]
	allowed, known := mayImport(name)
	if !known && !test {
		return []string{fmt.Sprintf("%s has no line in this test: say what it may import", name)}
	}
	var found []string
	report := func(path, reason string) { found = append(found, fmt.Sprintf("%s imports %s: %s", name, path, reason)) }
	for _, path := range p.Imports {
		switch our, ok := strings.CutPrefix(path, module); {
		case test && isCloud(our):
			report(path, "internal/cloud/providers alone lists the clouds")
		case ok && !test && !slices.Contains(allowed, our):
			report(path, fmt.Sprintf("it may import %q of ours: facts and settings come in as values", allowed))
		}
		for _, b := range bans {
			if !within(path, b.path) || path == "log/slog" || slices.Contains(b.only, name) {
				continue
			}
			if test && (b.path == "testing" || slices.Contains(excused, b.path)) {
				continue
			}
			report(path, b.reason)
		}
		if isPure(name) && slices.Contains(reads, path) {
			report(path, "it holds values, or decides by them, and does no I/O")
		}
		if isPure(name) && strings.Contains(path, ".") && !strings.HasPrefix(path, module) {
			report(path, "others know it for its values, and must not get more with it")
		}
	}
	return found
}

// tags are those that the Makefile builds with.
func tags(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^TAGS := (\S+)$`).FindSubmatch(text)
	require.NotNil(t, m, "the Makefile has no TAGS")
	return string(m[1])
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	args = append([]string{"list", "-json=ImportPath,Imports", "-tags", tags(t)}, args...)
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var pkgs []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		require.NoError(t, err)
		pkgs = append(pkgs, p)
	}
}

func TestImports(t *testing.T) {
	pkgs := list(t, "-tags", tags(t)+",e2e,bench", "./...") // the last -tags holds
	require.NotEmpty(t, pkgs)
	for _, p := range pkgs {
		assert.Empty(t, violations(p))
	}
	for name := range ours {
		listed := slices.ContainsFunc(pkgs, func(p pkg) bool { return p.ImportPath == module+name })
		assert.True(t, listed, "%s has rules here and does not exist", name)
	}
}

// TestBinary looks at all that is linked, third parties' imports included.
func TestBinary(t *testing.T) {
	for _, p := range list(t, "-deps", "./cmd/netbrk") {
		for path, reason := range unlinked {
			assert.False(t, within(p.ImportPath, path), "netbrk links %s: %s", p.ImportPath, reason)
		}
		if slices.Contains(p.Imports, "text/template") {
			assert.Equal(t, "github.com/urfave/cli/v2", p.ImportPath, "text/template is linked for urfave/cli's help alone")
		}
		assert.NotContains(t, support, strings.TrimPrefix(p.ImportPath, module), "it is for tests")
	}
}

// TestViolations makes sure that each rule can be broken.
func TestViolations(t *testing.T) {
	for _, tt := range []struct{ name, importer, imported, reason string }{
		{"third party", "subcmd", "github.com/BurntSushi/toml", "internal/config alone reads TOML"},
		{"below a third party", "internal/watch", "github.com/vishvananda/netlink/nl", "internal/kernel alone"},
		{"major version", "state", "github.com/godbus/dbus/v5", "those named after who answers"},
		{"process", "subcmd", "os/exec", "dispatcher alone starts processes"},
		{"memory", "subcmd", "net/http", "2.8 MB resident"},
		{"below a standard package", "subcmd", "net/http/httptrace", "2.8 MB resident"},
		{"HTTP of a cloud", "internal/cloud/aws", "net/http", "internal/cloud alone asks over HTTP"},
		{"server in a verb", "subcmd", "golang.org/x/net/netutil", "internal/api alone serves"},
		{"state in the server", "internal/api", module + "state", "it may import"},
		{"a cloud in a verb", "subcmd", module + "internal/cloud/aws", "it may import"},
		{"cloud in cloud", "internal/cloud/aws", module + "internal/cloud/azure", "it may import"},
		{"test server", "internal/cloud/aws", module + "internal/cloud/imdstest", "it may import"},
		{"I/O in a cloud", "internal/cloud/aws", "os", "does no I/O"},
		{"global log", "state", "log", "log/slog is passed in"},
		{"adapter in logic", "state", module + "internal/kernel", "it may import"},
		{"adapter in adapter", "internal/kernel", module + "internal/networkd", "it may import"},
		{"back to subcmd", "dispatcher", module + "subcmd", "it may import"},
		{"test support", "subcmd", module + "internal/netnstest", "it may import"},
		{"I/O in values", "internal/hostnet", "os", "does no I/O"},
		{"third party in a cloud", "internal/cloud/gcp", "golang.org/x/exp/maps", "must not get more with it"},
		{"TOML in test support", "internal/e2e", "github.com/BurntSushi/toml", "internal/config alone reads TOML"},
		{"a cloud in test support", "internal/scale", module + "internal/cloud/aws", "internal/cloud/providers alone lists"},
		{"process in test support", "internal/cloud/imdstest", "os/exec", "dispatcher alone starts processes"},
		{"third party in values", "internal/hostnet", "golang.org/x/exp/maps", "must not get more with it"},
		{"third party in decisions", "internal/plan", "golang.org/x/exp/maps", "must not get more with it"},
		{"I/O in decisions", "internal/plan", "net", "does no I/O"},
		{"adapter in decisions", "internal/plan", module + "internal/kernel", "it may import"},
		{"new package", "internal/unknown", "fmt", "has no line in this test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := violations(pkg{ImportPath: module + tt.importer, Imports: []string{tt.imported}})
			require.Len(t, found, 1)
			assert.Contains(t, found[0], tt.reason)
		})
	}
	assert.Empty(t, violations(pkg{ImportPath: module + "state", Imports: []string{"log/slog", module + "internal/hostnet"}}))
}
