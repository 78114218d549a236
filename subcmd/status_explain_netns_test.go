package subcmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/explain"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// TestExplainTwoNICs: why the second of two NICs in a subnet answers by itself, and
// what is said when a rule is gone.
func TestExplainTwoNICs(t *testing.T) {
	h := bareHost(t)
	h.configure(t, `RoutingPolicyRules = "va2"`)
	h.ns.VethPair(t, "va1", "vb1")
	h.ns.VethPair(t, "va2", "vb2")
	h.ns.IP(t, "address add 192.0.2.10/24 dev va1")
	h.ns.IP(t, "address add 192.0.2.20/24 dev va2")
	h.ns.IP(t, "route add default via 192.0.2.1 dev va1")
	h.ns.IP(t, "route add default via 192.0.2.254 dev va2 metric 200")
	_, stderr, status := h.run(t, "apply-rules")
	require.Zero(t, status, stderr)

	look := func(args ...string) (e report.Explanation, status int) {
		t.Helper()
		stdout, stderr, status := h.run(t, append([]string{"status", "--json", "--explain"}, args...)...)
		require.NoError(t, json.Unmarshal([]byte(stdout), &e), stderr)
		return e, status
	}
	e, status := look("192.0.2.20")
	assert.Zero(t, status)
	assert.Equal(t, "va2", e.Link)
	assert.Equal(t, "default via 192.0.2.254 dev va2", e.Route.String())
	assert.Equal(t, "default via 192.0.2.1 dev va1", e.Main.String())
	assert.True(t, e.Agrees, e.KernelSays)
	assert.NotZero(t, e.Table)
	assert.Empty(t, e.Missing)
	e, _ = look("192.0.2.10")
	assert.Equal(t, "va1", e.Route.Link)
	assert.Zero(t, e.Table)
	e, _ = look("192.0.2.20", "--to", "192.0.2.77")
	assert.Equal(t, "va2", e.Route.Link, "a neighbour")
	assert.True(t, e.Agrees)

	h.ns.IP(t, "rule delete priority 30002")
	stdout, stderr, status := h.run(t, "status", "--explain", "192.0.2.20")
	assert.Equal(t, exitPartial, status, stderr)
	assert.Contains(t, stdout, "ip -4 rule add from 192.0.2.20 lookup")
	assert.Contains(t, stdout, "netbrk apply-rules")
	assert.Contains(t, stdout, "default via 192.0.2.1 dev va1, by table main")

	_, stderr, status = h.run(t, "status", "--explain", "203.0.113.99")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "203.0.113.99 is not an address of this host")
	h.ns.IP(t, "rule add uidrange 0-0 blackhole priority 5")
	e, _ = look("192.0.2.20")
	assert.False(t, e.Certain)
	assert.False(t, e.Agrees, "the kernel knows whose traffic it is")

	stdout, _, status = h.run(t, "status", "--dot")
	assert.Zero(t, status)
	assert.Contains(t, stdout, `"address 192.0.2.20" -> "link va2"`)
}

// TestExplainIsTheKernels makes rules and routes at random, and has the walk through
// them come to what the kernel says.
func TestExplainIsTheKernels(t *testing.T) {
	h := bareHost(t)
	h.ns.VethPair(t, "va1", "vb1")
	h.ns.VethPair(t, "va2", "vb2")
	h.ns.IP(t, "address add 10.1.0.1/16 dev va1")
	h.ns.IP(t, "address add 10.2.0.1/16 dev va2")
	h.ns.IP(t, "-6 address add fd00:1::1/64 dev va1 nodad")
	h.ns.IP(t, "-6 address add fd00:2::1/64 dev va2 nodad")
	var conn *routing
	h.ns.Do(t, func() {
		var err error
		conn, err = openRouting(t.Context())
		require.NoError(t, err)
	})
	t.Cleanup(conn.Close)
	seed := rand.Uint64()
	if text := os.Getenv("NETBRK_TEST_SEED"); text != "" {
		_, err := fmt.Sscan(text, &seed)
		require.NoError(t, err)
	}
	t.Logf("NETBRK_TEST_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		explainRound(t, h, conn, r)
	}
}

func explainRound(t *testing.T, h *host, conn *routing, r *rand.Rand) {
	t.Helper()
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	tables := []string{"100", "200", "main"}
	var v4, v6 strings.Builder
	for range 12 {
		kind, hop := pick("", "", "", "", "unreachable ", "blackhole ", "prohibit ", "throw "), ""
		table, metric := pick(tables...), 1+r.IntN(1000)
		if kind == "" {
			hop = pick(" via 10.1.0.9 dev va1", " via 10.2.0.9 dev va2", " dev va1", " dev va2")
		}
		fmt.Fprintf(&v4, "route replace %s%s%s table %s metric %d\n", kind, pick("default", "11.0.0.0/8", "11.1.0.0/16", "11.1.1.0/24", "12.0.0.0/8"), hop, table, metric)
		if kind == "throw " {
			continue // what IPv6 makes of it differs by version
		}
		hop = strings.NewReplacer("10.1.0.9", "fd00:1::9", "10.2.0.9", "fd00:2::9").Replace(hop)
		fmt.Fprintf(&v6, "route replace %s%s%s table %s metric %d\n", kind, pick("default", "fd11::/16", "fd11:1::/32", "fd12::/16"), hop, table, metric)
	}
	for range 10 {
		priority := 10 + r.IntN(1000)
		rule := fmt.Sprintf("rule add %sfrom %%s %%s priority %d ", pick("", "", "", "not "), priority)
		action := pick("lookup 100", "lookup 200", "lookup main", "lookup 100 suppress_prefixlength 0", "lookup 200 suppress_prefixlength 16", "fwmark 1 lookup 100", "fwmark 0x10/0x1 lookup 200", "goto 2000", "goto 32766", "iif lo lookup 200", "iif va1 lookup 100", "prohibit")
		from4, to4 := pick("all", "10.1.0.1", "10.0.0.0/8"), pick("", "to 11.0.0.0/8", "to 12.0.0.0/9")
		fmt.Fprintf(&v4, rule+action+"\n", from4, to4)
		fmt.Fprintf(&v6, rule+action+"\n", strings.NewReplacer("10.1.0.1", "fd00:1::1", "10.0.0.0/8", "fd00::/8").Replace(from4),
			strings.NewReplacer("11.0.0.0/8", "fd11::/16", "12.0.0.0/9", "fd12::/17").Replace(to4))
	}
	for flag, batch := range map[string]string{"-4": v4.String(), "-6": v6.String()} {
		for _, table := range tables {
			h.ns.Do(t, func() { _ = exec.Command("ip", flag, "route", "flush", "table", table, "proto", "boot").Run() }) // it may be empty
		}
		h.ns.IP(t, flag+" rule flush")
		h.ns.IP(t, flag+" rule add from all lookup main priority 32766")
		file := filepath.Join(h.dir, "batch")
		require.NoError(t, os.WriteFile(file, []byte(batch), 0o644))
		h.ns.Do(t, func() { _ = exec.Command("ip", flag, "-force", "-batch", file).Run() }) // some are there already
	}
	for _, family := range []hostnet.Family{hostnet.IPv4, hostnet.IPv6} {
		host, err := conn.host(t.Context(), family)
		require.NoError(t, err)
		require.Greater(t, len(host.Rules), 5, "most of what was made at random is there")
		froms, tos := []string{"10.1.0.1", "10.2.0.1"}, []string{"11.1.1.1", "11.1.9.9", "11.9.9.9", "12.1.1.1", "13.1.1.1", "10.1.5.5"}
		if family == hostnet.IPv6 {
			froms, tos = []string{"fd00:1::1", "fd00:2::1"}, []string{"fd11:1::1", "fd11:9::1", "fd12::1", "fd13::1", "fd00:1::5"}
		}
		for _, from := range froms {
			for _, to := range tos {
				compareWalk(t, host, conn, netip.MustParseAddr(from), netip.MustParseAddr(to))
			}
		}
	}
}

func compareWalk(t *testing.T, host explain.Host, conn *routing, from, to netip.Addr) {
	t.Helper()
	answer, err := conn.answer(from, to)
	require.NoError(t, err)
	e := explain.Explain(host, from, to, answer, 0, nil)
	if !e.Agrees {
		for _, r := range e.Rules {
			t.Log(r.Priority, r.Rule, r.Outcome, r.Route)
		}
		for table, routes := range host.Tables {
			if table != hostnet.TableLocal {
				t.Log(table, routes)
			}
		}
	}
	require.True(t, e.Agrees, "%s to %s: %s %v, kernel %v %s", from, to, e.Verdict, e.Route, e.Kernel, e.KernelSays)
}
