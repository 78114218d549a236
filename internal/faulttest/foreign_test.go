package faulttest

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// foreign sets up what netbrk must leave alone, on a link that does not flap, and
// returns a look at it and at every other rule that is not netbrk's.
func (h *host) foreign(t *testing.T) func() []string {
	t.Helper()
	// Without link-local addresses nothing happens to them that nobody does.
	h.IPBatch(t, `link add keep0 type veth peer name keep1
link set keep0 addrgenmode none
link set keep1 addrgenmode none
link set keep0 up
link set keep1 up
address add 198.51.100.10/24 dev keep0
address add 2001:db8:f::10/64 dev keep0 nodad
route add default via 198.51.100.1 dev keep0 table 77 protocol static
route add default via 2001:db8:f::1 dev keep0 table 77 protocol static
route add 203.0.113.0/24 via 198.51.100.1 dev keep0 protocol static
route add 2001:db8:e::/48 via 2001:db8:f::1 dev keep0 protocol static
rule add from 192.0.2.10 lookup 77 priority 100 protocol static
rule add from 192.0.2.11 lookup 10001 priority 30002 protocol static
`)
	h.IPBatch(t, `rule add from 2001:db8::/32 lookup 77 priority 100 protocol 99
rule add from 2001:db8:0:1::10 lookup 10001 priority 30002 protocol 99
`, "-6")
	return func() []string {
		var lines []string
		for _, command := range []string{
			"-N -4 rule", "-N -6 rule", "-N -4 route show table all dev keep0", "-N -6 route show table all dev keep0",
			"-N address show dev keep0", "-N address show dev keep1",
		} {
			for _, line := range h.IPLines(t, command) {
				if !strings.Contains(line, "proto 110") {
					lines = append(lines, line)
				}
			}
		}
		return lines
	}
}

// monitor is what ip(8) tells of addresses, routes and rules as they change: what
// is taken away and put back again a comparison afterwards does not show.
type monitor struct {
	*host
	foreign *regexp.Regexp
	cmd     *exec.Cmd
}

// canary is a rule of the monitor's own.
const canary = "31999:"

// monitor starts to listen. foreign matches lines of what is not netbrk's, and so is
// each rule without its mark.
func (h *host) monitor(t *testing.T, foreign *regexp.Regexp) *monitor {
	t.Helper()
	m := &monitor{h, foreign, exec.Command("ip", "-N", "-o", "monitor", "address", "route", "rule")}
	m.cmd.Stdout, m.cmd.Stderr = h.appendTo(t, "monitor"), h.appendTo(t, "monitor.err")
	h.Do(t, func() { require.NoError(t, m.cmd.Start()) })
	t.Cleanup(func() {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
	})
	m.heard(t)
	return m
}

// heard waits until the monitor tells of a rule that comes and goes, and so has told
// of all that was before.
func (m *monitor) heard(t *testing.T) {
	t.Helper()
	before := strings.Count(m.read("monitor"), "Deleted "+canary)
	eventually(t, "what ip monitor tells", func() string {
		m.IP(t, "rule add priority "+strings.TrimSuffix(canary, ":")+" lookup 1 protocol 99")
		m.IP(t, "rule delete priority "+strings.TrimSuffix(canary, ":"))
		if told := m.read("monitor"); strings.Count(told, "Deleted "+canary) == before {
			return tail(told, 3) + m.read("monitor.err")
		}
		return ""
	})
}

var ruleLine = regexp.MustCompile(`^(Deleted )?\d+:\s+(not )?from `)

// untouched checks that nothing which is not netbrk's was ever taken away.
func (m *monitor) untouched(t *testing.T) {
	t.Helper()
	m.heard(t)
	ours := 0
	for line := range strings.Lines(m.read("monitor")) {
		switch {
		case strings.HasPrefix(strings.TrimPrefix(line, "Deleted "), canary):
		case strings.Contains(line, "proto 110"):
			ours++
		// An address of IPv6 is told of once more when its link has a carrier.
		case ruleLine.MatchString(line), strings.HasPrefix(line, "Deleted ") && m.foreign.MatchString(line):
			assert.Fail(t, "what is not netbrk's was touched", line)
		}
	}
	assert.NotZero(t, ours, "the monitor heard nothing of netbrk's either")
	assert.Empty(t, m.read("monitor.err"), "the monitor missed something")
}
