//go:build e2e

package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a machine that a test types commands into.
type script struct {
	*testing.T
	*World
	ctx context.Context
}

// on has a minute for all that a test types.
func on(t *testing.T, w *World) script {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return script{t, w, ctx}
}

// run runs a command, which has to go well, and returns what it printed on stdout.
func (s script) run(args ...string) string {
	s.Helper()
	out, err := s.Machine.Run(s.ctx, args...)
	require.NoError(s, err)
	return strings.TrimSpace(out)
}

// clear waits until everything was delivered, and starts the log anew.
func (s script) clear() {
	s.Helper()
	s.idle()
	s.truncate()
}

// truncate starts the log of hooks anew.
func (s script) truncate() { s.Helper(); s.run("sh", "-c", ": > "+HookLog) }

// idle waits until the spool is empty and its reader has ended.
func (s script) idle() {
	s.Helper()
	s.run("sh", "-c", `while [ -n "$(ls /run/netbrk/events)" ] || [ "$(systemctl is-active netbrk-hooks.service)" != inactive ]; do sleep 0.1; done`)
}

// ran returns the runs so far.
func (s script) ran() []Ran {
	s.Helper()
	return s.runs(func([]Ran) bool { return true })
}

// runs waits until the runs are as want says, and returns them.
func (s script) runs(want func([]Ran) bool) []Ran {
	s.Helper()
	runs, err := WaitRuns(s.ctx, s.Machine, want)
	require.NoError(s, err)
	return runs
}

// has waits for a run in a directory for a link.
func (s script) has(dir, link string) Ran {
	s.Helper()
	var found Ran
	s.runs(func(runs []Ran) bool {
		i := slices.IndexFunc(runs, func(r Ran) bool { return r.Directory == dir && r.Env["LINK"] == link })
		if i >= 0 {
			found = runs[i]
		}
		return i >= 0
	})
	return found
}

// property is one that systemctl(1) shows of a unit.
func (s script) property(unit, name string) string {
	s.Helper()
	return s.run("systemctl", "show", "--value", "--property="+name, unit)
}

// procStatus is the proc_pid_status(5) of a unit's main process, once that is netbrk:
// between fork and exec it is systemd's, with all that systemd may.
func (s script) procStatus(unit string) map[string]string {
	s.Helper()
	return keyValues(strings.ReplaceAll(s.run("sh", "-c",
		`until pid=$(systemctl show --value --property=MainPID "$1"); [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = netbrk ]; do sleep 0.05; done
		cat "/proc/$pid/status"`, "-", unit), ":\t", "="))
}

// onlyNetAdmin looks at what a unit's process may do.
func (s script) onlyNetAdmin(unit string) {
	s.Helper()
	status := s.procStatus(unit)
	const netAdmin = "0000000000001000" // 1 << CAP_NET_ADMIN, capabilities(7)
	for _, set := range []string{"CapPrm", "CapEff", "CapBnd"} {
		assert.Equal(s, netAdmin, status[set], set)
	}
	assert.Equal(s, "1", status["NoNewPrivs"])
}

// configured waits until networkd has configured a link and scripts were told.
func (s script) configured(link string) {
	s.Helper()
	require.NoError(s, s.Machine.WaitLink(s.ctx, link, "OPER_STATE=routable", "ADMIN_STATE=configured"))
	s.has("configured.d", link)
}
