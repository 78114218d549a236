package kernel

import (
	"cmp"
	"context"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// policyLab is a namespace with a pair of links and a Policy in it.
type policyLab struct {
	t           testing.TB
	ns          *netnstest.Namespace
	p           *Policy
	index, peer int
}

func newPolicyLab(t testing.TB) *policyLab {
	t.Helper()
	l := &policyLab{t: t, ns: netnstest.New(t)}
	l.ns.Do(t, func() {
		p, err := OpenPolicy()
		require.NoError(t, err)
		l.p = p
	})
	t.Cleanup(l.p.Close)
	l.index, l.peer = l.ns.VethPair(t, "va", "vb")
	return l
}

// ip runs ip(8) in the namespace: what is written must be what another program
// says, and the other way round.
func (l *policyLab) ip(args string) string {
	l.t.Helper()
	return l.ns.IP(l.t, args)
}

// addressed gives the links addresses; va's are what testRoutes is for.
func (l *policyLab) addressed() {
	l.t.Helper()
	l.ip("addr add 192.0.2.1/24 dev va")
	l.ip("addr add 2001:db8::1/64 dev va nodad")
	l.ip("addr add 203.0.113.1/24 dev vb")
	l.ip("addr add 2001:db8:f::1/64 dev vb nodad")
}

// texts are those of the steps that failed.
func texts(failed map[int]error) map[int]string {
	all := map[int]string{}
	for i, err := range failed {
		all[i] = err.Error()
	}
	return all
}

func (l *policyLab) facts() hostnet.PolicyFacts {
	l.t.Helper()
	facts, err := l.p.Facts(l.t.Context(), func(hostnet.Link) bool { return true })
	require.NoError(l.t, err)
	return facts
}

func (l *policyLab) rules() []hostnet.Rule {
	l.t.Helper()
	rules, err := l.p.Rules(l.t.Context())
	require.NoError(l.t, err)
	return rules
}

func (l *policyLab) apply(steps ...hostnet.Step) {
	l.t.Helper()
	failed, err := l.p.Apply(l.t.Context(), steps)
	require.NoError(l.t, err)
	require.Nil(l.t, failed)
}

// manyRules are n addresses' rules at one priority.
func manyRules(n int, priority uint32) []hostnet.Rule {
	rules := make([]hostnet.Rule, n)
	for i := range rules {
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		rules[i] = hostnet.Rule{
			Family: hostnet.IPv4, Priority: priority, From: netip.PrefixFrom(from, 32), Table: 10002,
			SuppressPrefixLength: hostnet.NoSuppress, Protocol: hostnet.Protocol,
		}
	}
	return rules
}

// inKernelOrder sorts rules as the kernel tells them.
func inKernelOrder(rules []hostnet.Rule) []hostnet.Rule {
	slices.SortStableFunc(rules, func(a, b hostnet.Rule) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Priority, b.Priority))
	})
	return rules
}

func TestPolicyRules(t *testing.T) {
	l := newPolicyLab(t)
	rules := testRules()
	l.apply(ruleSteps(hostnet.OpAdd, rules...)...)
	assert.Equal(t, inKernelOrder(slices.Clone(rules)), l.rules())
	shown := l.ip("-N rule show")
	assert.Contains(t, shown, "30000:\tfrom 192.0.2.1 lookup 10002 suppress_prefixlength 0 proto 110\n")
	assert.Contains(t, shown, "30003:\tfrom all to 192.0.2.1 lookup 10002 proto 110\n")

	l.apply(ruleSteps(hostnet.OpDelete, rules[:4]...)...)
	assert.Equal(t, inKernelOrder(slices.Clone(rules[4:])), l.rules())
	l.apply(ruleSteps(hostnet.OpDelete, rules...)...) // half of them are gone
	assert.Empty(t, l.rules())
	assert.Contains(t, l.ip("rule show"), "from all lookup main")
}

func TestPolicyTellsRulesThatAreThereTwice(t *testing.T) {
	l := newPolicyLab(t)
	rule := testRules()[0]
	l.apply(ruleSteps(hostnet.OpAdd, rule, rule)...)
	assert.Equal(t, []hostnet.Rule{rule, rule}, l.rules())
	l.apply(ruleSteps(hostnet.OpDelete, rule)...)
	assert.Equal(t, []hostnet.Rule{rule}, l.rules())
}

func TestPolicyKeepsOffWhatOthersMade(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	l.ip("rule add from 192.0.2.1 lookup 10002 suppress_prefixlength 0 priority 30000 protocol 109")
	l.ip("rule add from 192.0.2.1 lookup 10002 suppress_prefixlength 0 priority 30000")
	l.ip("-6 rule add lookup main suppress_prefixlength 0 priority 30001 protocol static")
	l.ip("route add default via 192.0.2.254 dev va table 10002 protocol static")
	l.ip("-6 route add default via fe80::1 dev va table 10002 metric 1024 protocol ra src 2001:db8::1")
	before := l.ip("-N rule show") + l.ip("-6 rule show") + l.ip("route show table all") + l.ip("-6 route show table all")

	facts := l.facts()
	assert.Empty(t, l.rules())
	assert.Empty(t, facts.Routes)
	routes := testRoutes(l.index)
	l.apply(ruleSteps(hostnet.OpDelete, testRules()...)...)
	l.apply(routeSteps(hostnet.OpDelete, routes...)...)
	after := l.ip("-N rule show") + l.ip("-6 rule show") + l.ip("route show table all") + l.ip("-6 route show table all")
	assert.Equal(t, before, after)

	// Ours beside theirs, and away again.
	rule := testRules()[0]
	l.apply(ruleSteps(hostnet.OpAdd, rule)...)
	assert.Equal(t, []hostnet.Rule{rule}, l.rules())
	l.apply(ruleSteps(hostnet.OpDelete, rule, rule)...)
	after = l.ip("-N rule show") + l.ip("-6 rule show") + l.ip("route show table all") + l.ip("-6 route show table all")
	assert.Equal(t, before, after)
	failed, err := l.p.Apply(t.Context(), routeSteps(hostnet.OpAdd, routes[1], routes[8]))
	require.NoError(t, err)
	assert.ErrorIs(t, failed[0], hostnet.ErrOccupied)
	assert.ErrorIs(t, failed[1], hostnet.ErrOccupied)
}

func TestPolicyRoutes(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	routes := testRoutes(l.index)
	l.apply(routeSteps(hostnet.OpAdd, routes...)...)
	facts := l.facts()
	assert.ElementsMatch(t, routes, facts.Routes)
	assert.ElementsMatch(t, []netip.Prefix{prefix("10.4.0.0/24"), prefix("2001:db8:2::/56")}, facts.Links[l.index].Ranges)
	shown := l.ip("route show table 10002")
	assert.Contains(t, shown, "default via 198.18.0.1 dev va proto 110 src 192.0.2.1 metric 50 onlink")
	assert.Contains(t, shown, "10.2.0.0/16 via inet6 fe80::1 dev va proto 110")
	assert.Contains(t, shown, "10.1.0.0/16 via 192.0.2.253 dev va proto 110 metric 7 mtu 1400")

	for i := range routes {
		if routes[i].Gateway.IsValid() {
			routes[i].MTUBytes = 1280
		}
	}
	routes[1].Gateway, routes[8].Gateway = address("192.0.2.252"), address("fe80::2")
	l.apply(routeSteps(hostnet.OpReplace, routes...)...)
	assert.ElementsMatch(t, routes, l.facts().Routes)

	l.apply(routeSteps(hostnet.OpDelete, routes[:6]...)...)
	assert.ElementsMatch(t, routes[6:], l.facts().Routes)
	l.apply(routeSteps(hostnet.OpDelete, routes...)...)
	assert.Empty(t, l.facts().Routes)
}

// TestPolicyRangesOfALinkThatIsDown holds the kernel to what package plan expects.
func TestPolicyRangesOfALinkThatIsDown(t *testing.T) {
	l := newPolicyLab(t)
	l.ip("link set va down")
	v4, v6 := testRoutes(l.index)[6], testRoutes(l.index)[10]
	failed, err := l.p.Apply(t.Context(), routeSteps(hostnet.OpAdd, v4, v6))
	require.NoError(t, err)
	require.Len(t, failed, 1)
	assert.ErrorIs(t, failed[1], unix.ENETDOWN)
	assert.Equal(t, []hostnet.Route{v4}, l.facts().Routes)
}

func TestPolicyIPv6Metric(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	route := testRoutes(l.index)[8]
	want := route
	route.Metric = 0
	l.apply(routeSteps(hostnet.OpAdd, route)...)
	assert.Equal(t, []hostnet.Route{want}, l.facts().Routes, "IP6_RT_PRIO_USER for none")
}

func TestPolicyBatches(t *testing.T) {
	l := newPolicyLab(t)
	rules := manyRules(10_000, 30002)
	l.apply(ruleSteps(hostnet.OpAdd, rules...)...)
	assert.Equal(t, rules, l.rules())
	l.apply(ruleSteps(hostnet.OpDelete, rules...)...)
	assert.Empty(t, l.rules())
}

func TestPolicyFailures(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	routes := testRoutes(l.index)
	unreachable, gone, foreign, missing := routes[1], routes[0], routes[0], routes[3]
	unreachable.Gateway, unreachable.Metric = address("198.18.0.2"), 9
	gone.Index, gone.Destination = 4242, prefix("10.77.0.0/16")
	foreign.Protocol = 4
	steps := ruleSteps(hostnet.OpAdd, manyRules(300, 30002)...)
	at := func(i int, s hostnet.Step) { steps[i] = s }
	at(0, routeSteps(hostnet.OpAdd, routes[0])[0])
	at(5, routeSteps(hostnet.OpAdd, unreachable)[0])
	at(6, routeSteps(hostnet.OpAdd, routes[0])[0])
	at(126, routeSteps(hostnet.OpAdd, gone)[0])
	at(127, routeSteps(hostnet.OpReplace, missing)[0]) // the last of a batch
	at(128, routeSteps(hostnet.OpDelete, missing)[0])
	at(200, routeSteps(hostnet.OpAdd, foreign)[0])
	failed, err := l.p.Apply(t.Context(), steps)
	require.NoError(t, err)
	assert.Equal(t, map[int]string{
		5:   "adding route default via 198.18.0.2 dev va table 10002 metric 9: network is unreachable (Nexthop has invalid gateway)",
		6:   "adding route 192.0.2.0/24 dev va table 10002 scope link src 192.0.2.1: another route has its place",
		126: "adding route 10.77.0.0/16 dev if4242 table 10002 scope link src 192.0.2.1: link is gone",
		127: "replacing route 10.1.0.0/16 via 192.0.2.253 dev va table 10002 metric 7 mtu 1400: no such file or directory",
		200: "adding route 192.0.2.0/24 dev va table 10002 scope link src 192.0.2.1: protocol 4 is not netbrk's",
	}, texts(failed))
	assert.ErrorIs(t, failed[6], hostnet.ErrOccupied)
	assert.ErrorIs(t, failed[126], hostnet.ErrLinkGone)
	assert.Len(t, l.rules(), 300-7, "the steps around those that fail are done")
	assert.Equal(t, routes[:1], l.facts().Routes)
}

func TestPolicyBatchThatFails(t *testing.T) {
	l := newPolicyLab(t)
	rules := manyRules(batchSteps, 30002)
	for i := range rules {
		rules[i].Family = hostnet.IPv6 // with IPv4 addresses
	}
	failed, err := l.p.Apply(t.Context(), ruleSteps(hostnet.OpAdd, rules...))
	require.NoError(t, err)
	assert.Len(t, failed, batchSteps, "the answers to a whole batch fit the receive buffer")
	assert.ErrorContains(t, failed[batchSteps-1], "Invalid source address")
	assert.Empty(t, l.rules())
}

func TestPolicyWhereALinkWent(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	routes := testRoutes(l.index)
	l.apply(routeSteps(hostnet.OpAdd, routes...)...)
	facts, err := l.p.Facts(t.Context(), func(link hostnet.Link) bool {
		if link.Index == l.index {
			l.ip("link del va") // it was told of a moment ago
		}
		return true
	})
	require.NoError(t, err)
	assert.Empty(t, facts.Routes)
	assert.Equal(t, "va", facts.Links[l.index].Link.Name)
	assertNoDetail(t, facts.Links[l.index])
	l.apply(routeSteps(hostnet.OpDelete, routes...)...)
	failed, err := l.p.Apply(t.Context(), routeSteps(hostnet.OpAdd, routes...))
	require.NoError(t, err)
	require.Len(t, failed, len(routes))
	for _, err := range failed {
		assert.ErrorIs(t, err, hostnet.ErrLinkGone)
	}
}

func TestPolicyCancelled(t *testing.T) {
	l := newPolicyLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.p.Apply(ctx, ruleSteps(hostnet.OpAdd, testRules()...))
	assert.ErrorIs(t, err, context.Canceled)
	_, err = l.p.Facts(ctx, func(hostnet.Link) bool { return true })
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, l.rules())
}

// TestPolicyDeniedOnOneLink is about EACCES, which os.ErrPermission is too.
func TestPolicyDeniedOnOneLink(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	l.sysctl("ipv6/conf/vb/disable_ipv6", "1")
	denied, route := testRoutes(l.peer)[7], testRoutes(l.index)[7]
	denied.Table++
	failed, err := l.p.Apply(t.Context(), routeSteps(hostnet.OpAdd, denied, route))
	require.NoError(t, err)
	require.Len(t, failed, 1)
	assert.ErrorIs(t, failed[0], unix.EACCES)
	assert.Equal(t, []hostnet.Route{route}, l.facts().Routes)
}

// withoutPrivilege has use try what takes CAP_NET_ADMIN.
func (l *policyLab) withoutPrivilege(use func(*Policy)) {
	l.t.Helper()
	l.ns.Do(l.t, func() {
		// Of this thread alone, which ends with us.
		var none [2]unix.CapUserData
		require.NoError(l.t, unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]))
		p, err := OpenPolicy()
		require.NoError(l.t, err)
		defer p.Close()
		use(p)
	})
}

func TestPolicyWithoutPrivilege(t *testing.T) {
	l := newPolicyLab(t)
	l.withoutPrivilege(func(p *Policy) {
		_, err := p.Facts(t.Context(), func(hostnet.Link) bool { return true })
		require.NoError(t, err)
		failed, err := p.Apply(t.Context(), ruleSteps(hostnet.OpAdd, testRules()...))
		assert.ErrorIs(t, err, os.ErrPermission)
		assert.EqualError(t, err, "changing policy routing: operation not permitted")
		assert.Empty(t, failed)
	})
	assert.Empty(t, l.rules())
}
