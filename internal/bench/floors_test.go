//go:build bench

package bench

import (
	"context"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/e2e"
)

// signals is a shell that does what the hooks do as soon as networkd's signal tells of
// the link's state. Whoever waits for that, as all contestants do, is no faster.
var signals = contestant{
	name: "shell that reads busctl monitor", unit: "bench-signals.service",
	start: "systemd-run --quiet --unit=bench-signals sh /run/bench-signals",
	stop:  "systemctl stop bench-signals.service",
}

// addFloors adds what of the figures is not netbrk's: networkd's time until it tells of
// a cut, and systemd's until it has started the unit that runs hooks.
func addFloors(ctx context.Context, t *testing.T, m *e2e.Machine, cable *cable, results map[string]result) {
	t.Helper()
	exec, units := results[execMode.name], results[unitsMode.name]
	told := heard(ctx, t, m, cable)
	start := started(ctx, t, m)
	row := func(what, mode string, ours, theirs []time.Duration, peer string) Row {
		return Row{
			What: "carrier cut to hook, " + what, Case: mode, Unit: "ms",
			Ours: milliseconds(Median(ours)), Peer: peer, Theirs: milliseconds(Median(theirs)),
		}
	}
	table.Add(events,
		row("at rest", "exec", exec.first, told.first, signals.name),
		row("in a burst", "exec", exec.within, told.within, signals.name),
		row("at rest", "units", units.first, start, "start of sh(1) by the path unit alone"),
	)
}

// heard measures signals.
func heard(ctx context.Context, t *testing.T, m *e2e.Machine, cable *cable) result {
	t.Helper()
	var script strings.Builder
	script.WriteString("busctl --json=short --match=\"type='signal',path_namespace='/org/freedesktop/network1/link'\" monitor |\n" +
		"while read -r signal; do\ncase $signal in\n")
	for _, state := range states {
		fmt.Fprintf(&script, "*'\"OperationalState\":{\"type\":\"s\",\"data\":\"%s\"}'*) %s;;\n", state, logState(state, link.Name))
	}
	script.WriteString("esac\ndone\n")
	require.NoError(t, m.WriteFile("/run/bench-signals", []byte(script.String()), 0o644))
	log := &hookLog{machine: m}
	log.clear(ctx, t)
	shell(ctx, t, m, signals.start)
	defer shell(ctx, t, m, signals.stop)
	return cuts(ctx, t, log, cable)
}

// started measures from a file in the spool to the first line of a shell that
// netbrk-hooks.service runs in place of netbrk.
func started(ctx context.Context, t *testing.T, m *e2e.Machine) (took []time.Duration) {
	t.Helper()
	const state, dropIn = "started", "/run/systemd/system/netbrk-hooks.service.d/bench.conf"
	require.NoError(t, m.WriteFile("/run/bench-start", []byte(logState(state, link.Name)+"; rm -f /run/netbrk/events/bench\n"), 0o644))
	shell(ctx, t, m, "mkdir -p /run/netbrk/events "+path.Dir(dropIn))
	require.NoError(t, m.WriteFile(dropIn, []byte("[Service]\nExecStart=\nExecStart=/bin/sh /run/bench-start\n"), 0o644))
	shell(ctx, t, m, "systemctl daemon-reload && systemctl start netbrk-hooks.path")
	defer shell(ctx, t, m, "systemctl stop netbrk-hooks.path && rm "+dropIn+" && systemctl daemon-reload")
	log := &hookLog{machine: m}
	log.clear(ctx, t)
	for range bursts {
		pause(ctx, rest)
		log.skip(t, state)
		at := time.Now()
		require.NoError(t, m.WriteFile("/run/netbrk/events/bench", nil, 0o644))
		took = append(took, log.wait(ctx, t, state).Sub(at))
	}
	return took
}
