//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// rulesHost is a network namespace with a link that has many addresses, and
// netbrk's state of it.
type rulesHost struct {
	ns    *netnstest.Namespace
	dir   string
	apply []string // the command
}

func newRulesHost(t *testing.T, addresses int) *rulesHost {
	t.Helper()
	h := &rulesHost{ns: netnstest.New(t), dir: t.TempDir()}
	config := h.write(t, "netbrk.toml", "[Network]\nRoutingPolicyRules = \"bench0\"\n")
	h.apply = []string{netbrkPath(), "--config=" + config, "--state-dir=" + filepath.Join(h.dir, "state"), "apply-rules"}

	h.ns.VethPair(t, "bench0", "bench1")
	var batch bytes.Buffer
	for i := range addresses {
		fmt.Fprintf(&batch, "address add 10.0.%d.%d/16 dev bench0\n", i/250, i%250+1)
	}
	fmt.Fprintf(&batch, "route add default via 10.0.255.254 dev bench0\n")
	h.run(t, "ip", "-4", "-batch", h.write(t, "addresses", batch.String()))
	return h
}

func (h *rulesHost) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(h.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// run runs a program in the namespace: it is started from a thread there.
func (h *rulesHost) run(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	h.ns.Do(t, func() {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Run(), stderr.String())
	})
	return stdout.String()
}

// time runs commands one after another and returns how long they took together.
func (h *rulesHost) time(t *testing.T, commands ...[]string) time.Duration {
	t.Helper()
	var took time.Duration
	h.ns.Do(t, func() {
		for _, args := range commands {
			var stderr bytes.Buffer
			cmd := exec.Command(args[0], args[1:]...) // stdout is /dev/null
			cmd.Stderr = &stderr
			at := time.Now()
			require.NoError(t, cmd.Run(), stderr.String())
			took += time.Since(at)
		}
	})
	return took
}

// plan writes what netbrk would do as a batch for ip(8).
func (h *rulesHost) plan(t *testing.T) (path string) {
	t.Helper()
	steps := h.run(t, append(h.apply, "--dry-run")...)
	batch := regexp.MustCompile(`(?m)^ip -4 `).ReplaceAllString(steps, "")
	require.NotRegexp(t, `(?m)^ip `, batch, "another family's")
	return h.write(t, "steps", batch)
}

// rules counts the rules.
func (h *rulesHost) rules(t *testing.T) int {
	t.Helper()
	return strings.Count(h.run(t, "ip", "-4", "rule"), "\n")
}

// peakMemory runs a program in the namespace and returns its peak resident memory,
// in KiB.
func peakMemory(t *testing.T, ns *netnstest.Namespace, command []string) int {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := hosttest.Peak(cmd.Process.Pid)
	require.NoError(t, <-ended)
	return peak
}
