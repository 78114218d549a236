package plan_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/plan"
)

func FuzzPlan(f *testing.F) {
	for seed := range uint64(2000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		d := newDice(seed)
		links := d.links()
		policy := d.policy()
		want := plan.Want(policy, links)
		for _, l := range links {
			requireAcceptable(t, want, l)
		}
		require.Nil(t, plan.Diff(want, want.Rules, want.Routes))
		shuffle(d.Rand, links)
		require.Equal(t, want, plan.Want(policy, links))

		requireApplies(t, d.kernel(), want)
	})
}

// requireAcceptable fails for a route of the link that a kernel would refuse or
// tell otherwise than it was added.
func requireAcceptable(t *testing.T, want plan.Plan, l plan.Link) {
	t.Helper()
	seen := map[hostnet.RouteKey]bool{}
	for _, r := range want.Routes {
		if r.Index != l.Link.Index {
			continue
		}
		require.False(t, seen[r.Key()], "%+v: a second one", r)
		seen[r.Key()] = true
		require.Equal(t, r.Destination.Masked(), r.Destination)
		require.Equal(t, want.Links[r.Index].Table, r.Table)
		require.Equal(t, uint8(hostnet.RouteUnicast), r.Type)
		require.Equal(t, uint8(hostnet.Protocol), r.Protocol)
		require.False(t, r.Multipath)
		requireFamily(t, r)
		own := func(a netip.Addr) bool {
			return slices.ContainsFunc(l.Addrs, func(o hostnet.Addr) bool { return o.Prefix.Addr() == a })
		}
		require.False(t, own(r.Gateway), "%+v: its own gateway", r)
		require.True(t, !r.Source.IsValid() || own(r.Source), "%+v: somebody else's source", r)
	}
}

func requireFamily(t *testing.T, r hostnet.Route) {
	t.Helper()
	if r.Family() == hostnet.IPv6 {
		require.False(t, r.Gateway.Is4(), "%+v", r)
		require.False(t, r.Source.IsValid(), "%+v", r)
		require.Zero(t, r.Scope, "%+v", r)
		require.NotZero(t, r.Metric, "%+v", r)
		return
	}
	require.False(t, r.Source.Is6(), "%+v", r)
	require.Equal(t, r.Gateway.IsValid(), r.Scope == 0, "%+v", r)
	require.True(t, r.Gateway.IsValid() || !r.OnLink, "%+v", r)
}

// requireApplies applies the steps from k to want, and fails where something
// that is to stay is missing in between, or the result is not want.
func requireApplies(t *testing.T, k *kernel, want plan.Plan) {
	t.Helper()
	foreignRules, foreignRoutes := foreign(t)
	k.rules = append(k.rules, foreignRules...)
	k.routes = append(foreignRoutes, k.routes...)
	slices.SortStableFunc(k.rules, func(a, b hostnet.Rule) int { return int(a.Priority) - int(b.Priority) })
	before := kernel{slices.Clone(k.rules), slices.Clone(k.routes)}

	for _, s := range plan.Diff(want, k.rules, k.routes) {
		require.NoError(t, k.apply(s))
		requireNoGap(t, before, k, want)
		if s.IsRule && s.Op == hostnet.OpAdd {
			requireWayToMain(t, k.rules, s.Rule)
		}
	}
	for _, r := range want.Rules {
		requireWayToMain(t, k.rules, r)
	}
	assert.ElementsMatch(t, slices.Concat(want.Rules, foreignRules), k.rules)
	assert.ElementsMatch(t, slices.Concat(want.Routes, foreignRoutes), k.routes)
	assert.Nil(t, plan.Diff(want, k.rules, k.routes))
}

// requireNoGap fails where a rule, or a route for a destination, that was there
// and is wanted is not there now.
func requireNoGap(t *testing.T, before kernel, now *kernel, want plan.Plan) {
	t.Helper()
	for _, r := range want.Rules {
		require.True(t, !slices.Contains(before.rules, r) || slices.Contains(now.rules, r), "gap: %s", r)
	}
	for _, r := range want.Routes {
		same := func(o hostnet.Route) bool { return o.Key() == r.Key() }
		require.True(t, !slices.ContainsFunc(before.routes, same) || slices.ContainsFunc(now.routes, same), "gap: %s", r.Describe(""))
	}
}

// requireWayToMain fails where a rule that leads to a default route is asked
// before main is.
func requireWayToMain(t *testing.T, rules []hostnet.Rule, r hostnet.Rule) {
	t.Helper()
	if r.Table == hostnet.TableMain || r.SuppressPrefixLength != hostnet.NoSuppress {
		return
	}
	require.True(t, slices.ContainsFunc(rules, func(o hostnet.Rule) bool {
		return o.Family == r.Family && o.Table == hostnet.TableMain && o.SuppressPrefixLength == 0 && o.Priority < r.Priority
	}), "%s comes before main", r)
}
