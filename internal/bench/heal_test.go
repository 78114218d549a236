//go:build bench

package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/e2e"
)

// TestBenchHealing measures how long an address is without one of its rules,
// whatever takes them away: by what the kernel tells, from the first rule that
// goes, or the address that comes, to the last rule.
func TestBenchHealing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	m := multihome(ctx, t)
	longest := make(map[string]map[string]time.Duration)
	for _, mode := range e2e.Modes() {
		longest[mode.Name] = heal(ctx, t, m, mode)
	}
	addHealing(longest)
}

// multihome boots a machine with the NICs that the disturbances are for.
func multihome(ctx context.Context, t *testing.T) *e2e.Multihomed {
	t.Helper()
	world := e2e.WorldFor(ctx, t, e2e.RulesConfig)
	shell(ctx, t, world.Machine, "systemd-sysusers && systemd-tmpfiles --create")
	m, err := world.Multihome(ctx)
	require.NoError(t, err)
	return m
}

// heal returns the longest gap of each disturbance.
func heal(ctx context.Context, t *testing.T, m *e2e.Multihomed, mode e2e.Mode) map[string]time.Duration {
	t.Helper()
	require.NoError(t, mode.Start(ctx, m.Machine))
	defer func() { require.NoError(t, mode.Stop(ctx, m.Machine)) }()
	longest := make(map[string]time.Duration)
	for _, d := range e2e.Disturbances() {
		settle(ctx, t, m, mode)
		trace, err := m.Machine.Trace()
		require.NoError(t, err)
		from := len(trace.Notices())
		require.NoError(t, d.Do(ctx, m))
		settle(ctx, t, m, mode)
		require.NoError(t, trace.Close())
		longest[d.Name] = e2e.Longest(e2e.Gaps(trace.Notices(), from, "ens5", "pol0"), time.Now())
		t.Logf("%s: %s: %.1f ms", mode.Name, d.Name, milliseconds(longest[d.Name]))
		if d.Undo != nil {
			require.NoError(t, d.Undo(ctx, m))
		}
	}
	return longest
}

// settle waits until all is there and netbrk rests: each disturbance meets
// a service that has to be started.
func settle(ctx context.Context, t *testing.T, m *e2e.Multihomed, mode e2e.Mode) {
	t.Helper()
	require.NoError(t, m.WaitRight(ctx))
	require.NoError(t, mode.Idle(ctx, m.Machine))
}

// addHealing adds the longest of each mode; of whom nobody else heals there is no
// peer.
func addHealing(longest map[string]map[string]time.Duration) {
	for _, goal := range []struct {
		mode string
		most float64
	}{{"exec", 300}, {"units", 1000}} {
		worst := ""
		for _, d := range e2e.Disturbances() {
			if worst == "" || longest[goal.mode][d.Name] > longest[goal.mode][worst] {
				worst = d.Name
			}
		}
		table.Add(rules, Row{
			What: fmt.Sprintf("longest gap after %d disturbances (%s)", len(e2e.Disturbances()), worst), Case: goal.mode,
			Unit: "ms", Ours: milliseconds(longest[goal.mode][worst]), Goal: AtMost(goal.most),
		})
	}
}
