//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestHealing is policy routing on a machine with three NICs: that it does what
// it is for, and that it is put right whatever takes it apart.
func TestHealing(t *testing.T) {
	fleet := newFleet(t, RulesConfig)
	fleet.Each(t, func(t *testing.T, w *World) {
		m := multihome(t, w)
		t.Run("without netbrk", func(t *testing.T) { testWrongWay(on(t, w), m) })
		for _, mode := range Modes() {
			t.Run(mode.Name, func(t *testing.T) { testMode(t, m, mode) })
		}
	})
}

// multihome plugs the links of a Multihomed in for the time of the test, and
// prepares the machine for netbrk.
func multihome(t *testing.T, w *World) *Multihomed {
	t.Helper()
	s := on(t, w)
	s.run("systemd-sysusers")
	s.run("systemd-tmpfiles", "--create")
	m, err := w.Multihome(s.ctx)
	require.NoError(t, err)
	t.Cleanup(func() {
		// t.Context() has ended by now.
		assert.NoError(t, m.Close(context.Background()))
	})
	return m
}

func testMode(t *testing.T, m *Multihomed, mode Mode) {
	s := on(t, m.World)
	require.NoError(t, mode.Start(s.ctx, m.Machine))
	t.Cleanup(func() { assert.NoError(t, mode.Stop(context.Background(), m.Machine)) })
	require.NoError(t, m.WaitRight(s.ctx))
	require.NoError(t, mode.Idle(s.ctx, m.Machine))
	t.Run("answers", func(t *testing.T) { testAnswers(on(t, m.World), m) })
	for _, d := range Disturbances() {
		t.Run(d.Name, func(t *testing.T) { testDisturbance(on(t, m.World), m, mode, d) })
	}
	t.Run("noise", func(t *testing.T) { testNoise(on(t, m.World), m, mode) })
	t.Run("answers still", func(t *testing.T) { testAnswers(on(t, m.World), m) })
	t.Run("flush", func(t *testing.T) { testFlush(on(t, m.World), m, mode) })
}

// families are those that all links have addresses of.
var families = []hostnet.Family{hostnet.IPv4, hostnet.IPv6}

// answers asks ens5's address from an address of the lab and returns how many
// packets either link has sent meanwhile.
func answers(s script, m *Multihomed, from, to netip.Addr) (ens4, ens5 uint64) {
	s.Helper()
	if to.Is4() {
		// As a cloud's network does: the machine itself would answer an ARP
		// request on either link (arp_ignore in ip-sysctl.rst).
		_, err := s.Lab.Run(s.ctx, "ip", "neighbour", "replace", to.String(), "lladdr", m.Ports["ens5"].Link.MAC, "dev", s.Segment.Bridge)
		require.NoError(s, err)
	}
	sent := func(link string) uint64 {
		n, _, err := m.Ports[link].Packets(s.ctx)
		require.NoError(s, err)
		return n
	}
	before4, before5 := sent("ens4"), sent("ens5")
	require.NoError(s, s.Ping(s.ctx, from, to))
	return sent("ens4") - before4, sent("ens5") - before5
}

// testWrongWay shows what netbrk is for.
func testWrongWay(s script, m *Multihomed) {
	var address netip.Addr
	require.NoError(s, s.Machine.WaitNet(s.ctx, "a lease", func() (ok bool, err error) {
		state, err := s.Machine.NetState()
		address, ok = state.Address("ens5", hostnet.IPv4)
		_, other := state.Address("ens4", hostnet.IPv4)
		return ok && other, err
	}))
	ens4, ens5 := answers(s, m, Outside(hostnet.IPv4), address)
	assert.GreaterOrEqual(s, ens4, uint64(pings))
	assert.Less(s, ens5, uint64(pings))
}

func testAnswers(s script, m *Multihomed) {
	state, err := s.Machine.NetState()
	require.NoError(s, err)
	near := map[hostnet.Family]netip.Addr{hostnet.IPv4: s.Segment.Address.Addr(), hostnet.IPv6: netip.MustParseAddr("2001:db8:77::1")}
	for _, family := range families {
		address, ok := state.Address("ens5", family)
		require.True(s, ok)
		for _, from := range []netip.Addr{near[family], Outside(family)} {
			ens4, ens5 := answers(s, m, from, address)
			assert.GreaterOrEqual(s, ens5, uint64(pings), "%s from %s", address, from)
			assert.Less(s, ens4, uint64(pings), "%s from %s", address, from)
			assert.Contains(s, s.run("ip", "route", "get", from.String(), "from", address.String()), "dev ens5 table ", from)
		}
	}
	// The other segment, whose default route is not the machine's.
	for _, from := range []netip.Addr{m.other.Address.Addr(), Outside(hostnet.IPv4)} {
		assert.NoError(s, s.Ping(s.ctx, from, netip.MustParseAddr("10.78.0.9")))
	}
	assert.Contains(s, s.run("ip", "route", "get", Outside(hostnet.IPv4).String(), "from", "10.78.0.9"), "dev pol0 table ")
	assert.Contains(s, s.run("ip", "route", "get", Outside(hostnet.IPv4).String()), "dev ens4 ", "what is nobody's")
}

// foreignThings are what somebody else set up: rules, and routes by a link that
// nobody manages.
var foreignThings = []string{
	"rule add priority 1000 from 10.66.0.1 lookup 66 protocol static",
	"rule add priority 30002 from 10.66.0.1 lookup 66 protocol boot",
	"-6 rule add priority 30000 from 2001:db8:66::1 lookup 66 suppress_prefixlength 0 protocol static",
	"route add table 66 203.0.113.0/24 via 10.66.0.2 dev other0 protocol static",
	"route add table 66 default via 10.66.0.2 dev other0 protocol 99",
	"route add 198.51.100.0/24 via 10.66.0.2 dev other0",
}

// addForeign adds the foreign things for the time of the test.
func addForeign(s script) {
	s.Helper()
	s.run("ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1")
	s.Cleanup(func() {
		_, err := s.Machine.Run(context.Background(), "sh", "-c", "ip link delete other0; ip rule delete priority 1000; "+
			"ip rule delete from 10.66.0.1; ip -6 rule delete from 2001:db8:66::1; :")
		assert.NoError(s, err)
	})
	for _, link := range []string{"other0", "other1"} {
		s.run("ip", "link", "set", link, "addrgenmode", "none", "up")
	}
	s.ip("address add 10.66.0.1/24 dev other0")()
	for _, args := range foreignThings {
		s.ip(args)()
	}
}

// foreignIn returns the rules that do not carry netbrk's mark, and all routes by
// the link that nobody manages.
func foreignIn(s script, state NetState) (rules []hostnet.Rule, routes []hostnet.Route) {
	s.Helper()
	for _, r := range state.Rules {
		if r.Protocol != hostnet.Protocol {
			rules = append(rules, r)
		}
	}
	for _, r := range state.Routes {
		if r.Index == state.Index("other0") {
			routes = append(routes, r)
		}
	}
	require.NotEmpty(s, rules)
	require.NotEmpty(s, routes)
	return rules, routes
}

func testDisturbance(s script, m *Multihomed, mode Mode, d Disturbance) {
	addForeign(s)
	before, err := s.Machine.NetState()
	require.NoError(s, err)
	require.Empty(s, m.Lacking(before))
	trace, err := s.Machine.Trace()
	require.NoError(s, err)
	from := len(trace.Notices())

	require.NoError(s, d.Do(s.ctx, m))
	require.NoError(s, m.WaitRight(s.ctx))
	require.NoError(s, mode.Idle(s.ctx, s.Machine))
	require.NoError(s, trace.Close())
	after, err := s.Machine.NetState()
	require.NoError(s, err)
	assert.Empty(s, m.Lacking(after))
	if !checkTrace(s, trace.Notices(), from) {
		logTrace(s, trace.Notices()[from:])
	}
	checkForeign(s, before, after, d.Networkd)
	// The router's next advertisement may come at any moment, and netbrk follows.
	assert.NoError(s, s.Machine.WaitNet(s.ctx, "nothing to be left to do", func() (bool, error) {
		dryRun, err := mode.ApplyRules(s.ctx, s.Machine, "--dry-run")
		if err == nil && dryRun != "" {
			err = errors.New(dryRun)
		}
		return err == nil, err
	}))

	if d.Undo != nil {
		require.NoError(s, d.Undo(s.ctx, m))
		require.NoError(s, m.WaitRight(s.ctx))
		require.NoError(s, mode.Idle(s.ctx, s.Machine))
	}
}

// checkTrace logs how long addresses were without a rule, and looks for work
// that nothing called for: rules added while none was missing.
func checkTrace(s script, all []Notice, from int) (ok bool) {
	s.Helper()
	ok = true
	var last time.Time
	for _, g := range Gaps(all, from, "ens5", "pol0") {
		s.Log(g)
		ok = assert.False(s, g.End.IsZero(), g) && ok
		if g.End.After(last) {
			last = g.End
		}
	}
	var late []Notice
	for _, n := range all[from:] {
		if n.Own() && n.Kind == unix.RTM_NEWRULE && n.At.After(last) {
			late = append(late, n)
		}
	}
	return assert.Empty(s, late, "rules added while none was missing") && ok
}

// logTrace shows what the kernel told.
func logTrace(s script, all []Notice) {
	for _, n := range all {
		s.Log(n.At.Format("05.000000"), n)
	}
}

// checkForeign compares what is not netbrk's. Its rules networkd may have
// removed, but nobody has added some.
func checkForeign(s script, before, after NetState, networkd bool) {
	s.Helper()
	rulesBefore, routesBefore := foreignIn(s, before)
	rulesAfter, routesAfter := foreignIn(s, after)
	assert.ElementsMatch(s, routesBefore, routesAfter)
	if networkd {
		assert.Subset(s, rulesBefore, rulesAfter)
	} else {
		assert.ElementsMatch(s, rulesBefore, rulesAfter)
	}
}

// testNoise changes what no rule depends on: no run of apply-rules comes of it.
func testNoise(s script, m *Multihomed, mode Mode) {
	trace, err := s.Machine.Trace()
	require.NoError(s, err)
	from := len(trace.Notices())
	for range 3 {
		s.run("resolvectl", "dns", "ens4", "10.77.0.53", "10.77.0.54")
		s.run("resolvectl", "domain", "ens4", "noise.example")
		s.run("resolvectl", "revert", "ens4")
	}
	pending := s.run("ls", mode.StateDir+"/rules-pending")
	assert.Empty(s, pending)
	require.NoError(s, mode.Idle(s.ctx, s.Machine))
	require.NoError(s, trace.Close())
	assert.Empty(s, slices.DeleteFunc(trace.Notices()[from:], func(n Notice) bool { return !n.Own() }))
}

// testFlush takes all that is netbrk's back. It stays so, whatever happens,
// until netbrk is told otherwise.
func testFlush(s script, m *Multihomed, mode Mode) {
	addForeign(s)
	before, err := s.Machine.NetState()
	require.NoError(s, err)
	_, err = mode.ApplyRules(s.ctx, s.Machine, "--flush")
	require.NoError(s, err)
	assertNoneOwn(s)
	require.NoError(s, readdress(s.ctx, m))
	require.NoError(s, mode.Idle(s.ctx, s.Machine))
	after := assertNoneOwn(s)
	checkForeign(s, before, after, false)

	_, err = mode.ApplyRules(s.ctx, s.Machine)
	require.NoError(s, err)
	require.NoError(s, m.WaitRight(s.ctx))
	require.NoError(s, mode.Idle(s.ctx, s.Machine))
	trace, err := s.Machine.Trace()
	require.NoError(s, err)
	from := len(trace.Notices())
	out, err := mode.ApplyRules(s.ctx, s.Machine)
	require.NoError(s, err)
	assert.Empty(s, out)
	require.NoError(s, trace.Close())
	assert.Empty(s, slices.DeleteFunc(trace.Notices()[from:], func(n Notice) bool { return !n.Own() }), "a second run does nothing")
}

// assertNoneOwn looks for rules and routes of netbrk's.
func assertNoneOwn(s script) NetState {
	s.Helper()
	state, err := s.Machine.NetState()
	require.NoError(s, err)
	for _, r := range state.Rules {
		assert.NotEqual(s, uint8(hostnet.Protocol), r.Protocol, r)
	}
	for _, r := range state.Routes {
		assert.NotEqual(s, uint8(hostnet.Protocol), r.Protocol, r.Describe(""))
	}
	return state
}
