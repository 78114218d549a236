package subcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/internal/report"
)

// host is a namespace with two links in one subnet, of which the second one, va1,
// is to have rules.
type host struct {
	ns      *netnstest.Namespace
	dir     string
	program string
	index   int // of va1
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := bareHost(t)
	h.configure(t, `RoutingPolicyRules = "va1"`)
	h.ns.VethPair(t, "va0", "vb0")
	h.index, _ = h.ns.VethPair(t, "va1", "vb1")
	h.ns.IP(t, "link set lo up")
	h.ns.IP(t, "address add 192.0.2.10/24 dev va0")
	h.ns.IP(t, "address add 192.0.2.20/24 dev va1")
	h.ns.IP(t, "route add default via 192.0.2.1 dev va0")
	h.ns.IP(t, "route add default via 192.0.2.1 dev va1 metric 100")
	return h
}

// bareHost is a namespace with nothing in it, and netbrk.
func bareHost(t *testing.T) *host {
	t.Helper()
	h := &host{ns: netnstest.New(t), dir: t.TempDir()}
	h.program = linkProgram(t, h.dir)
	return h
}

func (h *host) configure(t *testing.T, network string) {
	t.Helper()
	text := "[System]\nGenerator = \"kernel\"\n[Network]\n" + network + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "netbrk.toml"), []byte(text), 0o644))
}

// command is netbrk in the namespace.
func (h *host) command(args ...string) *exec.Cmd {
	return exec.Command(h.program, append([]string{"--config", filepath.Join(h.dir, "netbrk.toml"), "--state-dir", filepath.Join(h.dir, "state")}, args...)...)
}

// run runs netbrk to its end.
func (h *host) run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := h.command(args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	h.ns.Do(t, func() { _ = cmd.Run() })
	require.NotNil(t, cmd.ProcessState)
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// foreign sets up what netbrk must leave alone, and returns a look at all that
// is not netbrk's.
func (h *host) foreign(t *testing.T) func() []string {
	t.Helper()
	h.ns.IP(t, "rule add from 192.0.2.20 lookup 77 priority 100 protocol static")
	h.ns.IP(t, "rule add from 192.0.2.20 lookup 10002 priority 30002 protocol static")
	h.ns.IP(t, "-6 rule add from 2001:db8::/32 lookup 77 priority 100 protocol 99")
	h.ns.IP(t, "route add default via 192.0.2.1 dev va1 table 77 protocol static")
	h.ns.IP(t, "route add 203.0.113.0/24 via 192.0.2.1 dev va0 protocol static")
	return func() []string {
		var lines []string
		for _, command := range []string{"-N -4 rule", "-N -6 rule", "-N -4 route show table all", "-N -6 route show table all"} {
			for _, line := range h.ns.IPLines(t, command) {
				// What the kernel makes for link-local addresses comes when
				// their duplicate address detection is over.
				own := strings.Contains(line, "proto 110") || strings.Contains(line, "fe80") || strings.Contains(line, "ff00")
				if !own {
					lines = append(lines, line)
				}
			}
		}
		return lines
	}
}

// va1Rules are what va1 gets.
func (h *host) va1Rules(t *testing.T) (rules, routes []string) {
	table := h.table()
	return []string{
			"30000: from 192.0.2.20 lookup " + table + " suppress_prefixlength 0 proto 110",
			"30001: from all lookup 254 suppress_prefixlength 0 proto 110",
			"30002: from 192.0.2.20 lookup " + table + " proto 110",
			"30003: from all to 192.0.2.20 lookup " + table + " proto 110",
		}, []string{
			"default via 192.0.2.1 dev va1 table " + table,
			"192.0.2.0/24 dev va1 table " + table + " scope 253 src 192.0.2.20",
		}
}

func (h *host) table() string { return strconv.Itoa(9999 + h.index) }

// ours are the rules and routes of netbrk.
func (h *host) ours(t *testing.T) (rules, routes []string) {
	rules = []string{}
	for _, line := range h.ns.IPLines(t, "-N -4 rule") {
		if strings.HasSuffix(line, " proto 110") {
			rules = append(rules, line)
		}
	}
	return rules, h.ns.IPLines(t, "-N -4 route show table all proto 110")
}

func TestApplyRules(t *testing.T) {
	h := newHost(t)
	foreign := h.foreign(t)
	before := foreign()
	wantRules, wantRoutes := h.va1Rules(t)

	stdout, stderr, status := h.run(t, "apply-rules", "--dry-run")
	assert.Zero(t, status, stderr)
	assert.Equal(t, 6, strings.Count(stdout, "\n"), stdout)
	rules, _ := h.ours(t)
	assert.Empty(t, rules, "a dry run changes nothing")
	assert.NoDirExists(t, filepath.Join(h.dir, "state"))

	// What it printed is what it does: somebody may do it by hand.
	for line := range strings.Lines(stdout) {
		h.ns.IP(t, strings.TrimPrefix(line, "ip "))
	}
	stdout, stderr, status = h.run(t, "apply-rules", "--dry-run")
	assert.Zero(t, status, stderr)
	assert.Empty(t, stdout)
	_, _, status = h.run(t, "apply-rules", "--flush")
	assert.Zero(t, status)
	assert.Equal(t, before, foreign())

	_, stderr, status = h.run(t, "apply-rules")
	assert.Zero(t, status, stderr)
	rules, routes := h.ours(t)
	assert.Equal(t, wantRules, rules)
	assert.Equal(t, wantRoutes, routes)
	assert.Equal(t, before, foreign())
	assert.Contains(t, h.ns.IP(t, "route get 203.0.113.9 from 192.0.2.20"), " dev va1 ")
	assert.Contains(t, h.ns.IP(t, "route get 192.0.2.99 from 192.0.2.20"), " dev va1 ", "the neighbours of both links")

	stdout, stderr, status = h.run(t, "apply-rules")
	assert.Zero(t, status)
	assert.Empty(t, stdout+stderr, "nothing to do, nothing to say")
	stdout, _, _ = h.run(t, "apply-rules", "--json")
	var doc report.RulesDocument
	require.NoError(t, json.Unmarshal([]byte(stdout), &doc), stdout)
	assert.Empty(t, doc.Steps)
	require.Len(t, doc.Links, 1)
	assert.Equal(t, "va1", doc.Links[0].Link)

	_, stderr, status = h.run(t, "apply-rules", "--flush")
	assert.Zero(t, status, stderr)
	rules, routes = h.ours(t)
	assert.Empty(t, rules)
	assert.Empty(t, routes)
	assert.Equal(t, before, foreign())
}

func TestApplyRulesToNamedLinks(t *testing.T) {
	h := newHost(t)
	_, stderr, status := h.run(t, "apply-rules", "nosuch", "va1")
	assert.Equal(t, exitPartial, status)
	assert.Contains(t, stderr, "netbrk: no link is called \"nosuch\"")
	wantRules, _ := h.va1Rules(t)
	rules, _ := h.ours(t)
	assert.Equal(t, wantRules, rules)

	_, stderr, status = h.run(t, "apply-rules", "nosuch")
	assert.Equal(t, exitFailed, status, stderr)
	assert.Contains(t, stderr, "netbrk: hint: ip link lists the links")
	assert.NotContains(t, stderr, "RoutingPolicyRules", "a link that is not there needs more than that")
	_, stderr, status = h.run(t, "apply-rules", "va0")
	assert.Zero(t, status)
	assert.Contains(t, stderr, "netbrk: hint: link \"va0\" gets no rules: add it to RoutingPolicyRules in netbrk.toml")
}

// TestApplyRulesKilled is about the worst moment: whatever a killed run left, the
// next one mends.
func TestApplyRulesKilled(t *testing.T) {
	h := newHost(t)
	h.ns.Do(t, func() {
		addr := exec.Command("sh", "-c", `i=2; while [ $i -lt 252 ]; do echo "address add 198.51.100.$i/32 dev va1"; i=$((i+1)); done | ip -batch -`)
		out, err := addr.CombinedOutput()
		require.NoError(t, err, string(out))
	})
	monitor := h.monitor(t)
	cmd := h.command("apply-rules")
	h.ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	h.await(t, monitor, "the first rule", func(c hostnet.Change) bool { return c.Object == hostnet.ObjectRule && !c.Gone })
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()

	_, stderr, status := h.run(t, "apply-rules")
	assert.Zero(t, status, stderr)
	rules, _ := h.ours(t)
	assert.Len(t, rules, 3*251+1, "none is missing, and none is there twice")
	entries, err := os.ReadDir(filepath.Join(h.dir, "state", "rules"))
	require.NoError(t, err)
	for _, e := range entries {
		assert.NotContains(t, e.Name(), ".tmp")
	}
	_, stderr, status = h.run(t, "apply-rules", "--flush")
	assert.Zero(t, status, stderr)
	rules, _ = h.ours(t)
	assert.Empty(t, rules)
}

func (h *host) monitor(t *testing.T) *kernel.Monitor {
	t.Helper()
	var m *kernel.Monitor
	var err error
	h.ns.Do(t, func() { m, err = kernel.OpenMonitor() })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

// await reads what the kernel tells until it is what was waited for.
func (h *host) await(t *testing.T, m *kernel.Monitor, what string, is func(hostnet.Change) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it hangs, else
	defer cancel()
	for found := false; !found; {
		select {
		case <-m.Readable():
		case <-ctx.Done():
			require.Fail(t, "waiting for "+what)
		}
		err := m.Receive(func(c hostnet.Change) { found = found || is(c) })
		if errors.Is(err, kernel.ErrOverrun) {
			found, err = true, nil // so many came that we were too slow for them
		}
		require.NoError(t, err)
		m.Rearm()
	}
}

// TestWatchHeals removes rules and routes under a watcher that starts the
// oneshots itself.
func TestWatchHeals(t *testing.T) {
	h := newHost(t)
	foreign := h.foreign(t)
	before := foreign()
	wantRules, wantRoutes := h.va1Rules(t)
	monitor := h.monitor(t)
	cmd := h.command("watch", "--dispatch=exec")
	cmd.Stderr = t.Output()
	h.ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(os.Interrupt))
		assert.NoError(t, cmd.Wait())
	})
	healed := func(what string) {
		t.Helper()
		var rules, routes []string
		for !assert.ObjectsAreEqual(wantRules, rules) || !assert.ObjectsAreEqual(wantRoutes, routes) {
			h.await(t, monitor, what, func(c hostnet.Change) bool { return c.Protocol == hostnet.Protocol && !c.Gone })
			rules, routes = h.ours(t)
		}
	}
	healed("the rules of the start")
	for _, disturbance := range []string{
		"rule delete priority 30000 protocol 110",
		"rule delete priority 30001 protocol 110",
		"rule delete priority 30003 protocol 110",
		"route delete default table " + h.table(),
		"route flush table " + h.table(),
	} {
		h.ns.IP(t, disturbance)
		healed(disturbance)
	}
	assert.Equal(t, before, foreign())

	// The kernel takes a link's routes with it, its neighbour's too, and tells
	// nobody.
	h.ns.IP(t, "link set va1 down")
	h.ns.IP(t, "link set va1 up")
	h.ns.IP(t, "route add default via 192.0.2.1 dev va1 metric 100")
	healed("the link down and up")

	// The address goes, and its rules with it.
	h.ns.IP(t, "address delete 192.0.2.20/24 dev va1")
	for rules := wantRules; len(rules) > 0; rules, _ = h.ours(t) {
		h.await(t, monitor, "the end of the rules", func(c hostnet.Change) bool { return c.Protocol == hostnet.Protocol && c.Gone })
	}
}
