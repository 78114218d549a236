//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/e2e"
)

const (
	// bursts is how often each contestant meets a host at rest.
	bursts = 20
	// rest is longer than netbrk run-hooks stays for more (2 s).
	rest = 3 * time.Second
	// gap is between the flaps of a burst. Cut sooner, while networkd still
	// configures the link, its own 10 ms would be most of every figure.
	gap = 300 * time.Millisecond
	// messages is how many routes come and go, each with a message.
	messages = 100_000
	// limit ends a bench whose contestant never runs its hook.
	limit = 15 * time.Minute
)

// link is the one whose cable is cut.
var link = e2e.Link{Name: "ens9", MAC: "02:00:00:00:09:01"}

// contestant is a dispatcher of events to hooks.
type contestant struct {
	name        string
	unit        string // of the process that listens
	start, stop string // shell commands
}

// states are those that the cut link and the link in order have.
var states = []string{"no-carrier", "routable"}

const networkdUnit = "systemd-networkd.service"

var (
	execMode = contestant{
		name: "netbrk --dispatch=exec", unit: "bench-exec.service",
		start: "systemd-run --quiet --unit=bench-exec --service-type=notify netbrk watch --dispatch=exec --state-dir=/run/netbrk-exec",
		stop:  "systemctl stop bench-exec.service",
	}
	unitsMode = contestant{
		name: "netbrk --dispatch=units", unit: "netbrk-watch.service",
		start: "systemctl start netbrk.target",
		stop:  "systemctl stop netbrk.target netbrk-watch.service netbrk-hooks.path netbrk-hooks.service",
	}
)

// contestants begin with the peer.
var contestants = []contestant{
	{
		name: "networkd-dispatcher", unit: "networkd-dispatcher.service",
		start: "systemctl start networkd-dispatcher.service",
		stop:  "systemctl stop networkd-dispatcher.service",
	},
	execMode, unitsMode,
}

// result is what was measured of a contestant.
type result struct {
	first, within []time.Duration // carrier cut to hook, at rest and in a burst
	after         time.Duration   // the same right after the messages
	cpu, networkd time.Duration   // for the messages, its own and networkd's
	memory        memory          // after them
}

func TestBenchDispatchers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	world := boot(ctx, t, states...)
	cable := attach(ctx, t, world)
	results := make(map[string]result)
	for _, c := range contestants {
		t.Logf("%s: %d bursts, %d messages", c.name, bursts, messages)
		results[c.name] = measure(ctx, t, world.Machine, cable, c)
	}
	addResults(results)
	addFloors(ctx, t, world.Machine, cable, results)
}

// boot boots a machine with netbrk, networkd-dispatcher and hooks for both.
func boot(ctx context.Context, t *testing.T, states ...string) *e2e.World {
	t.Helper()
	world := e2e.WorldFor(ctx, t, e2e.Install)
	for _, state := range states {
		writeHook(t, world.Machine, "/etc/networkd-dispatcher/"+state+".d/50-bench", state)
		writeHook(t, world.Machine, "/etc/netbrk/"+state+".d/50-bench", state)
	}
	shell(ctx, t, world.Machine, "systemd-sysusers && systemd-tmpfiles --create")
	return world
}

func measure(ctx context.Context, t *testing.T, m *e2e.Machine, cable *cable, c contestant) result {
	t.Helper()
	log := &hookLog{machine: m}
	log.clear(ctx, t)
	shell(ctx, t, m, c.start)
	defer shell(ctx, t, m, c.stop)

	r := cuts(ctx, t, log, cable)
	pause(ctx, rest)
	own, networkd := cpu(ctx, t, m, c.unit), cpu(ctx, t, m, networkdUnit)
	flood(ctx, t, m)
	// A flap after the flood is delivered only once the flood was read.
	r.after = log.flap(ctx, t, cable)
	r.cpu, r.networkd = cpu(ctx, t, m, c.unit)-own, cpu(ctx, t, m, networkdUnit)-networkd
	pause(ctx, rest)
	r.memory = memoryOf(ctx, t, m, c.unit)
	return r
}

// cuts has a host at rest, again and again, meet a flap and another one right after.
func cuts(ctx context.Context, t *testing.T, log *hookLog, cable *cable) (r result) {
	t.Helper()
	for range bursts {
		pause(ctx, rest)
		r.first = append(r.first, log.flap(ctx, t, cable))
		pause(ctx, gap)
		r.within = append(r.within, log.flap(ctx, t, cable))
	}
	return r
}

// flood makes the kernel tell of messages routes, which come and go by the
// hundred on the link.
func flood(ctx context.Context, t *testing.T, m *e2e.Machine) {
	t.Helper()
	const file, together = "/run/bench.batch", 100
	var batch bytes.Buffer
	for range messages / (2 * together) {
		for _, verb := range []string{"add", "delete"} {
			for i := range together {
				fmt.Fprintf(&batch, "route %s 198.18.0.%d/32 dev %s\n", verb, i, link.Name)
			}
		}
	}
	require.NoError(t, m.WriteFile(file, batch.Bytes(), 0o644))
	shell(ctx, t, m, "ip -batch "+file)
}

// addResults adds medians; memory is that after the messages.
func addResults(results map[string]result) {
	peer := contestants[0].name
	theirs, exec, units := results[peer], results[execMode.name], results[unitsMode.name]
	cut := func(what, mode string, ours, theirs []time.Duration, most float64) Row {
		return Row{
			What: "carrier cut to hook, " + what, Case: mode, Unit: "ms", Ours: milliseconds(Median(ours)),
			Peer: peer, Theirs: milliseconds(Median(theirs)), Goal: Ratio(most),
		}
	}
	size := func(what string, of func(memory) int) Row {
		return Row{
			What: "watcher's " + what, Case: "units", Unit: "MiB", Ours: mebibytes(of(units.memory)),
			Peer: peer, Theirs: mebibytes(of(theirs.memory)), Goal: Ratio(0.4),
		}
	}
	table.Add(events,
		cut("at rest", "exec", exec.first, theirs.first, 0.5),
		cut("in a burst", "exec", exec.within, theirs.within, 0.5),
		cut("at rest", "units", units.first, theirs.first, 1.6),
		cut("in a burst", "units", units.within, theirs.within, 0.5),
		size("anonymous memory", func(m memory) int { return m.anonymous }),
		size("resident memory", func(m memory) int { return m.resident }),
		size("peak of resident memory", func(m memory) int { return m.peak }),
	)
	// A megabyte is 1,000,000 bytes.
	alone := func(what string, of func(memory) int, most float64) Row {
		return Row{
			What: "the same, " + what, Case: "units", Unit: "MB", Ours: float64(of(units.memory)) * 1024 / 1e6,
			Goal: AtMost(most),
		}
	}
	table.Add(events,
		alone("anonymous", func(m memory) int { return m.anonymous }, 3),
		alone("resident", func(m memory) int { return m.resident }, 9),
	)
	after := func(mode string, ours result) Row {
		return Row{
			What: "carrier cut to hook right after it", Case: mode, Unit: "ms", Ours: milliseconds(ours.after),
			Peer: peer, Theirs: milliseconds(theirs.after), Goal: AtMost(1000),
		}
	}
	each := func(d time.Duration) float64 { return milliseconds(d) * 10_000 / messages }
	table.Add(storms,
		// networkd-dispatcher leaves rtnetlink to networkd, which is the peer here.
		Row{
			What: "CPU per 10,000 messages, routes that come and go by the hundred", Case: "units", Unit: "ms",
			Ours: each(units.cpu), Peer: "networkd", Theirs: each(units.networkd),
		},
		after("exec", exec), after("units", units),
	)
}
