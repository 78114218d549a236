package subcmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// FuzzProc reads files of the kernel's and of NetworkManager's whatever is in them.
// Memory is given back of mappings alone that are clean and of a file, and a name of a
// link, which may be anything but a colon, hides none.
func FuzzProc(f *testing.F) {
	for _, file := range []string{"/proc/self/smaps", "/proc/self/net/dev"} {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw[:min(len(raw), 8<<10)], "eth0")
	}
	f.Add([]byte("00400000-006dc000 r-xp 00000000 00:1c 1234 /usr/bin/netbrk\nAnonymous: 0 kB\n006dc000-00700000 rw-p 0 00:1c 1234 /usr/bin/netbrk\nAnonymous: 0 kB\n"), "lo")
	f.Add([]byte("[device]\nmanaged=true\nconnection-uuid=x\n"), "[managed=true]")
	f.Add([]byte("ffffffffff600000-ffffffffff601000 --xp 0 0 0 [vsyscall]\nAnonymous: 0 kB\n"), "a|b")
	f.Fuzz(func(t *testing.T, raw []byte, link string) {
		allowed := map[mapping]bool{}
		for line := range strings.Lines(string(raw)) {
			fields := strings.Fields(line)
			if len(fields) < 6 || !strings.HasPrefix(fields[5], "/") || strings.Contains(fields[1], "w") {
				continue
			}
			var m mapping
			if n, _ := fmt.Sscanf(fields[0], "%x-%x", &m.start, &m.end); n == 2 {
				allowed[m] = true
			}
		}
		for _, m := range cleanMappings(raw) {
			assert.Less(t, m.start, m.end)
			assert.True(t, allowed[m], "%x-%x", m.start, m.end)
		}
		if managesLink(raw) {
			assert.Contains(t, string(raw), "managed=true")
		}
		const heading = "Inter-|   Receive\n face |bytes    packets\n    lo:       0       0\n"
		if hostnet.ValidLinkName(link) && link != "lo" {
			assert.False(t, onlyLoopback([]byte(heading+"  "+link+": 1 2 3\n")))
			assert.False(t, onlyLoopback([]byte("  "+link+":1\n"+string(raw))))
		}
		assert.True(t, onlyLoopback([]byte(heading)))
	})
}

// FuzzRunHooksFlags calls run-hooks as the scripts for other dispatchers do, with a
// link and a state that came from those. What is no name and no state is a usage
// error; no message has in it what a terminal obeys.
func FuzzRunHooksFlags(f *testing.F) {
	for _, state := range append(hostnet.LinkStates(), "", "pending", "../routable", "Routable", "routable.d") {
		f.Add("lo", state)
	}
	for _, link := range []string{"", "nosuch0", "-x", "--dry-run", "a b", "a/b", "..", "$(id)", "\x1b[2J", "x\ny", "\xff", "sixteen-letters-"} {
		f.Add(link, "routable")
	}
	dir := f.TempDir()
	file := filepath.Join(dir, "netbrk.toml")
	require.NoError(f, os.WriteFile(file, []byte("[System]\nGenerator = \"kernel\"\nHookDirs = [\""+dir+"\"]\n"), 0o644))
	f.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+dir+"/none")
	f.Fuzz(func(t *testing.T, link, state string) {
		if strings.ContainsRune(link+state, 0) {
			return // no argument of a process
		}
		var stdout, stderr strings.Builder
		status := Main([]string{"netbrk", "--config=" + file, "--state-dir=" + dir, "run-hooks", "--link=" + link, "--state=" + state, "--dry-run"}, &stdout, &stderr)
		switch {
		case link == "" && state == "": // what the spool holds
			assert.Zero(t, status, stderr.String())
		case !hostnet.ValidLinkName(link) || !hostnet.IsLinkState(state):
			assert.Equal(t, exitUsage, status)
		case link == "lo":
			assert.Zero(t, status, stderr.String())
			assert.Contains(t, stdout.String(), state+`.d for link "lo"`)
		default:
			assert.Contains(t, []int{exitDone, exitFailed}, status)
		}
		for line := range strings.Lines(stdout.String() + stderr.String()) {
			line = strings.TrimSuffix(line, "\n")
			assert.True(t, hostnet.PrintableText(line, 1<<20), "%q", line)
		}
	})
}
