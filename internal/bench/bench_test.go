//go:build bench

package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
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

var contestants = []contestant{
	{
		name: "networkd-dispatcher", unit: "networkd-dispatcher.service",
		start: "systemctl start networkd-dispatcher.service",
		stop:  "systemctl stop networkd-dispatcher.service",
	},
	{
		name: "netbrk --dispatch=exec", unit: "bench-exec.service",
		start: "systemd-run --quiet --unit=bench-exec --service-type=notify netbrk watch --dispatch=exec --state-dir=/run/netbrk-exec",
		stop:  "systemctl stop bench-exec.service",
	},
	{
		name: "netbrk --dispatch=units", unit: "netbrk-watch.service",
		start: "systemctl start netbrk.target",
		stop:  "systemctl stop netbrk.target netbrk-watch.service netbrk-hooks.path netbrk-hooks.service",
	},
}

// result is what was measured of a contestant.
type result struct {
	first, within       []time.Duration // carrier cut to hook, at rest and in a burst
	anonymous, resident int             // KiB, after the messages
	cpu                 time.Duration   // for the messages
}

func TestBench(t *testing.T) {
	e2e.Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	world := boot(ctx, t)
	cable := attach(ctx, t, world)
	results := make(map[string]result)
	for _, c := range contestants {
		t.Logf("%s: %d bursts, %d messages", c.name, bursts, messages)
		results[c.name] = measure(ctx, t, world.Machine, cable, c)
	}
	print(os.Stdout, world.Machine.Suite, results)
}

// boot boots a machine with netbrk, networkd-dispatcher and hooks for both.
func boot(ctx context.Context, t *testing.T) *e2e.World {
	dir, err := e2e.CacheDir()
	require.NoError(t, err)
	cache, err := e2e.OpenCache(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(t, err)
	world, err := cache.NewWorld(ctx, e2e.Suites()[0], e2e.Install)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, state := range []string{"no-carrier", "routable"} {
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

	var r result
	for range bursts {
		pause(ctx, rest)
		r.first = append(r.first, log.flap(ctx, t, cable))
		pause(ctx, gap)
		r.within = append(r.within, log.flap(ctx, t, cable))
	}
	pause(ctx, rest)
	before := cpu(ctx, t, m, c.unit)
	flood(ctx, t, m)
	// A flap after the flood is delivered only once the flood was read.
	log.flap(ctx, t, cable)
	r.cpu = cpu(ctx, t, m, c.unit) - before
	pause(ctx, rest)
	r.anonymous, r.resident = memory(ctx, t, m, c.unit)
	return r
}

// pause lets time pass. It waits for nothing: how far apart flaps are is part of
// what is measured.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func shell(ctx context.Context, t *testing.T, m *e2e.Machine, command string) string {
	t.Helper()
	out, err := m.Run(ctx, "sh", "-c", command)
	require.NoError(t, err)
	return out
}

// machineName tells what the figures were measured on.
func machineName(suite string) string {
	return fmt.Sprintf("Debian %s in systemd-nspawn, %d CPUs, %s", suite, runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
}
