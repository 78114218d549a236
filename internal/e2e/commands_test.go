//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elsewhere are the commands of the documentation that are typed on a machine with
// a checkout, or that another test types, and who does so.
var elsewhere = map[string]string{
	"git clone": "make demo runs in a checkout", "make demo": "TestDemoNetns", "make test": "make check", "make check": ".ci/run", "make fuzz": "the same targets, without -fuzz, in make test",
	"make install": "Install", "make deb": "TestPackages", "make rpm": "TestPackages",
	"systemctl disable --now network-broker": "testMigration", "systemctl disable --now cloud-network": "testMigration",
}

// documented returns the commands that README and the manual pages show behind a
// prompt, as root types them: here-documents whole, comments left out.
func documented(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var commands []string
	lines := strings.Split(string(readme), "\n")
	for i := 0; i < len(lines); i++ {
		command, ok := strings.CutPrefix(lines[i], "$ ")
		if !ok {
			continue
		}
		if strings.HasSuffix(command, "<<'END'") {
			end := slices.Index(lines[i:], "END")
			require.Positive(t, end)
			command = strings.Join(append([]string{command}, lines[i+1:i+end+1]...), "\n")
		}
		commands = append(commands, command)
	}
	pages, err := filepath.Glob("../../man/*.[0-9]")
	require.NoError(t, err)
	for _, name := range pages {
		page, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^\.Dl [$#] (.*)$`).FindAllStringSubmatch(string(page), -1) {
			commands = append(commands, m[1])
		}
	}
	comment := regexp.MustCompile(`\s+# .*$`)
	for i, c := range commands {
		if !strings.Contains(c, "\n") {
			c = comment.ReplaceAllString(c, "")
		}
		commands[i] = strings.ReplaceAll(c, "sudo ", "")
	}
	return commands
}

// testCommands types every command of the documentation. Links are called as there,
// and programs that the machine lacks, which others ship, get no input.
func testCommands(t *testing.T, w *World) {
	s := on(t, w)
	for i, name := range []string{"eth0", "eth1", "wg0", "ens6"} {
		_, err := w.Segment.Attach(s.ctx, w.Machine, Link{Name: name, MAC: "02:00:00:00:42:0" + string(rune('1'+i))})
		require.NoError(t, err)
		s.has("links.d", name)
	}
	s.run("ip", "address", "add", "192.0.2.20/32", "dev", "eth1")
	require.NoError(t, w.Machine.WriteFile("/etc/netbrk/netbrk.toml.d/commands.toml", []byte("[Network]\nRoutingPolicyRules = \"eth1 ens6\"\n"), 0o644))
	s.run("ip", "link", "set", "eth1", "up")
	s.run("netbrk", "apply-rules", "eth1")
	// Nothing to be found is an answer, too.
	searches := regexp.MustCompile(`^journalctl .*-g `)
	lacking := regexp.MustCompile(`\s*\| (jq|sponge|dot) .*$`)
	for _, command := range documented(t) {
		if known := who(command); known != "" {
			t.Logf("%s: %s", command, known)
			continue
		}
		typed := lacking.ReplaceAllString(command, "")
		if strings.HasPrefix(typed, "netbrk watch") || strings.HasSuffix(typed, "--watch") {
			// Until it is told to end. The watcher that runs has the state directory.
			typed = "timeout --signal=INT 1 " + strings.Replace(typed, "--dispatch=exec", "--dispatch=exec --state-dir=/run/netbrk-e2e", 1)
		}
		fine := "3|124"
		if searches.MatchString(typed) {
			fine += "|1"
		}
		out, err := w.Machine.Run(s.ctx, "sh", "-c", typed+"\ncode=$?; case $code in "+fine+") exit 0; esac; exit $code")
		assert.NoError(t, err, "%s\n%s", command, out)
	}
	s.idle()
	s.run("sh", "-c", "systemctl unmask netbrk-cloud-sync.timer netbrk-cloud-sync.path; rm -rf /etc/netbrk/netbrk.toml.d /etc/netbrk/routable.d/50-hello /run/netbrk-e2e")
	s.run("systemctl", "reload", "netbrk-watch.service")
}

func who(command string) string {
	for prefix, known := range elsewhere {
		if strings.HasPrefix(command, prefix) {
			return known
		}
	}
	return ""
}
