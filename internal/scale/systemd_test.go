//go:build e2e

package scale_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/e2e"
)

// TestContainersUnderSystemd has the veth links of 1,000 containers come and go on a
// machine with networkd and all of netbrk's units.
func TestContainersUnderSystemd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	m := machine{t, ctx, e2e.WorldFor(ctx, t, e2e.Install).Machine}
	m.sh("systemd-sysusers && systemd-tmpfiles --create && systemctl start netbrk.target")
	m.quiet()

	var start, end strings.Builder
	for i := range containers {
		fmt.Fprintf(&start, "link add veth%d type veth peer name c%d\nlink set veth%d up\nlink set c%d up\n", i, i, i, i)
		fmt.Fprintf(&end, "link delete veth%d\n", i)
	}
	m.measure("1,000 pairs of links appear", start.String())
	t.Logf("targets that are active: %s", m.sh("systemctl list-units --no-legend --state=active 'netbrk-*@*.target' | wc -l"))
	m.measure("and vanish", end.String())
	assert.Equal(t, "0", m.sh("systemctl list-units --no-legend --state=active 'netbrk-*@*veth*.target' | wc -l"), "targets of links that are gone")
	assert.Equal(t, "active\nactive", m.sh("systemctl is-active netbrk-hooks.path netbrk-rules.path"))
}

// machine is one whose commands have to go well.
type machine struct {
	t   *testing.T
	ctx context.Context
	*e2e.Machine
}

func (m machine) sh(command string) string {
	m.t.Helper()
	out, err := m.Run(m.ctx, "sh", "-c", command)
	require.NoError(m.t, err, out)
	return strings.TrimSpace(out)
}

// quiet waits until nothing is left to do.
func (m machine) quiet() {
	m.t.Helper()
	m.sh(`until [ -z "$(ls /run/netbrk/events)" ] && [ "$(systemctl is-active netbrk-hooks.service)" = inactive ]; do sleep 0.2; done`)
}

// measure has ip(8) run commands, and tells what that cost whom.
func (m machine) measure(what, commands string) {
	m.t.Helper()
	require.NoError(m.t, m.WriteFile("/run/batch", []byte(commands), 0o600))
	before := m.spent()
	at := time.Now()
	m.sh("ip -batch /run/batch")
	made := time.Since(at)
	m.quiet()
	all := time.Since(at)
	after := m.spent()
	m.t.Logf("%s in %.1f s, all done after %.1f s; CPU: %.1f s systemd, %.1f s networkd, %.1f s netbrk watch, %.1f s the bus, %.1f s run-hooks, %.1f s journald; %d starts of netbrk-hooks.service",
		what, made.Seconds(), all.Seconds(), after[0]-before[0], after[1]-before[1], after[2]-before[2], after[3]-before[3], after[4], after[5]-before[5], int(after[6]-before[6]))
}

// spent are seconds of CPU, of run-hooks in its last run alone, and at last how often run-hooks was started.
func (m machine) spent() (s [7]float64) {
	m.t.Helper()
	out := m.sh(`awk '{print ($14+$15)/100}' /proc/1/stat
for u in systemd-networkd netbrk-watch dbus netbrk-hooks systemd-journald; do
n=$(systemctl show -P CPUUsageNSec $u.service); case $n in [0-9]*) ;; *) n=0;; esac; awk "BEGIN {print $n/1e9}"; done
journalctl -u netbrk-hooks.service -o cat | grep -c '^Starting '`)
	for i, text := range regexp.MustCompile(`\S+`).FindAllString(out, -1) {
		var err error
		s[i], err = strconv.ParseFloat(text, 64)
		require.NoError(m.t, err, out)
	}
	return s
}
