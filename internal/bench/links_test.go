//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/e2e"
)

const (
	// crowdLinks flap at once: the links of as many containers.
	crowdLinks = 1000
	// quiet is how long no hook must have run for all to be delivered. It is longer
	// than a hook takes to be run by anybody.
	quiet = 5 * time.Second
)

// flapped is what was measured of a contestant.
type flapped struct {
	last   time.Duration // from the last cut to the last hook
	hooks  int
	cpu    time.Duration
	memory memory
}

// TestBenchLinks cuts the carrier of 1,000 links, gives it back and cuts it again, and
// waits until the last hook has told of that. networkd leaves these links unmanaged,
// and may not have seen what was over that soon: one hook for each link is the least.
func TestBenchLinks(t *testing.T) {
	e2e.Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	world := boot(ctx, t, "no-carrier")
	// Debian has it run the hooks of all links before it is ready, for which systemd
	// gives it 90 s: it takes 0.1 s for each of so many.
	require.NoError(t, world.Machine.WriteFile("/etc/default/networkd-dispatcher", nil, 0o644))
	plugs := plugCrowd(ctx, t, world)
	results := make(map[string]flapped)
	for _, c := range contestants {
		results[c.name] = flapCrowd(ctx, t, world.Machine, plugs, c)
		t.Logf("%s: %d hooks in %s", c.name, results[c.name].hooks, results[c.name].last.Round(time.Millisecond))
	}
	addLinks(results)
}

// plugCrowd gives the machine its links, and returns the far ends of their cables.
func plugCrowd(ctx context.Context, t *testing.T, w *e2e.World) []*cable {
	t.Helper()
	var add, set bytes.Buffer
	for i := range crowdLinks {
		fmt.Fprintf(&add, "link add name crowd%d netns /proc/%d/ns/net type veth peer name plug%d\n", i, w.Machine.Leader(), i)
		fmt.Fprintf(&set, "link set crowd%d addrgenmode none up\n", i)
	}
	file := filepath.Join(t.TempDir(), "batch")
	require.NoError(t, os.WriteFile(file, add.Bytes(), 0o600))
	_, err := w.Lab.Run(ctx, "ip", "-batch", file)
	require.NoError(t, err)
	require.NoError(t, w.Machine.WriteFile("/run/crowd.batch", set.Bytes(), 0o644))
	shell(ctx, t, w.Machine, "ip -batch /run/crowd.batch")
	require.NoError(t, w.Machine.WaitLink(ctx, fmt.Sprintf("crowd%d", crowdLinks-1), "OPER_STATE=no-carrier"))
	socket := labSocket(t, w)
	var plugs []*cable
	for i := range crowdLinks {
		plugs = append(plugs, &cable{port: fmt.Sprintf("plug%d", i), socket: socket})
	}
	return plugs
}

func flapCrowd(ctx context.Context, t *testing.T, m *e2e.Machine, plugs []*cable, c contestant) flapped {
	t.Helper()
	for _, plug := range plugs {
		plug.restore(t)
	}
	shell(ctx, t, m, c.start)
	defer shell(ctx, t, m, c.stop)
	waitIdle(ctx, t, m)
	shell(ctx, t, m, "rm -f "+logFile)
	before := cpu(ctx, t, m, c.unit)

	for _, plug := range plugs {
		plug.cut(t)
	}
	for _, plug := range plugs {
		plug.restore(t)
	}
	for _, plug := range plugs {
		plug.cut(t)
	}
	at := time.Now()
	last := waitQuiet(ctx, t, m)
	r := flapped{last: last.Sub(at), cpu: cpu(ctx, t, m, c.unit) - before, memory: memoryOf(ctx, t, m, c.unit)}
	words := told(t, m)
	require.Len(t, words, crowdLinks, "%s: links whose last state was told", c.name)
	for _, runs := range words {
		r.hooks += runs
	}
	return r
}

// waitIdle waits until the machine's services rest: what they do when they start, with
// so many links, is over.
func waitIdle(ctx context.Context, t *testing.T, m *e2e.Machine) {
	t.Helper()
	const span, share = 2 * time.Second, 0.02
	for before := cpu(ctx, t, m, "."); ; {
		pause(ctx, span)
		now := cpu(ctx, t, m, ".")
		if float64(now-before) < share*float64(span) {
			return
		}
		require.NoError(t, ctx.Err(), "the machine does not come to rest")
		before = now
	}
}

// told are the links that hooks were told of, and how often each.
func told(t *testing.T, m *e2e.Machine) map[string]int {
	t.Helper()
	content, err := m.ReadFile(logFile)
	require.NoError(t, err)
	runs := make(map[string]int)
	for line := range strings.Lines(string(content)) {
		if f := strings.Fields(line); len(f) == 3 && strings.HasPrefix(f[1], "crowd") {
			runs[f[1]]++
		}
	}
	return runs
}

// waitQuiet waits until no hook has run for a while, and returns when the last one
// did.
func waitQuiet(ctx context.Context, t *testing.T, m *e2e.Machine) time.Time {
	t.Helper()
	for {
		if content, err := m.ReadFile(logFile); err == nil { // else none ran yet
			lines := strings.Fields(string(content))
			if ns, err := strconv.ParseInt(lines[len(lines)-1], 10, 64); err == nil {
				if last := time.Unix(0, ns); time.Since(last) > quiet {
					return last
				}
			}
		}
		require.NoError(t, ctx.Err(), "hooks run on and on")
		pause(ctx, quiet/10)
	}
}

func addLinks(results map[string]flapped) {
	peer := contestants[0].name
	theirs, exec, units := results[peer], results[execMode.name], results[unitsMode.name]
	last := func(mode string, ours flapped) Row {
		return Row{What: "1,000 links flap, last cut to last hook", Case: mode, Unit: "ms", Ours: milliseconds(ours.last), Peer: peer, Theirs: milliseconds(theirs.last)}
	}
	size := func(what string, of func(memory) int) Row {
		return Row{What: what, Case: "units", Unit: "MiB", Ours: mebibytes(of(units.memory)), Peer: peer, Theirs: mebibytes(of(theirs.memory))}
	}
	table.Add(storms,
		last("exec", exec), last("units", units),
		Row{What: "CPU of it, hooks included", Case: "exec", Unit: "ms", Ours: milliseconds(exec.cpu), Peer: peer, Theirs: milliseconds(theirs.cpu)},
		Row{What: "CPU of it, the watcher alone", Case: "units", Unit: "ms", Ours: milliseconds(units.cpu)},
		size("watcher's anonymous memory after it", func(m memory) int { return m.anonymous }),
		size("watcher's resident memory after it", func(m memory) int { return m.resident }),
		size("peak of it", func(m memory) int { return m.peak }),
	)
}
