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
	// lastLink is the one that networkd hears of last.
	lastLink = "crowd999"
)

// flapped is what was measured of a contestant.
type flapped struct {
	last   time.Duration // from the last cut to the last hook
	hooks  int
	cpu    time.Duration
	memory memory
}

// TestBenchLinks cuts the carrier of 1,000 links, gives it back and cuts it again, each
// as soon as networkd has followed, and waits until the last hook has told of that.
// networkd leaves these links unmanaged.
func TestBenchLinks(t *testing.T) {
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
	require.NoError(t, w.Machine.WaitLink(ctx, lastLink, "OPER_STATE=no-carrier"))
	socket := labSocket(t, w)
	var plugs []*cable
	for i := range crowdLinks {
		plugs = append(plugs, &cable{port: fmt.Sprintf("plug%d", i), socket: socket})
	}
	return plugs
}

func flapCrowd(ctx context.Context, t *testing.T, m *e2e.Machine, plugs []*cable, c contestant) flapped {
	t.Helper()
	all := func(set func(*cable), state string) time.Time {
		for _, plug := range plugs {
			set(plug)
		}
		at := time.Now()
		require.NoError(t, m.WaitLink(ctx, lastLink, "OPER_STATE="+state))
		return at
	}
	cut, restore := func(c *cable) { c.cut(t) }, func(c *cable) { c.restore(t) }
	all(restore, "carrier")
	shell(ctx, t, m, c.start)
	defer shell(ctx, t, m, c.stop)
	waitIdle(ctx, t, m)
	shell(ctx, t, m, "rm -f "+logFile)
	before := cpu(ctx, t, m, c.unit)

	all(cut, "no-carrier")
	all(restore, "carrier")
	at := all(cut, "no-carrier")
	waitIdle(ctx, t, m)
	r := flapped{last: lastRun(t, m).Sub(at), cpu: cpu(ctx, t, m, c.unit) - before, memory: memoryOf(ctx, t, m, c.unit)}
	runs := told(t, m)
	require.Len(t, runs, crowdLinks, "%s: links whose last state was told", c.name)
	for _, n := range runs {
		r.hooks += n
	}
	return r
}

// waitIdle waits until the machine rests: systemd too, which is asked for a target at
// every transition. Between two hooks many targets may be started.
func waitIdle(ctx context.Context, t *testing.T, m *e2e.Machine) {
	t.Helper()
	const span, share = 2 * time.Second, 0.02
	for before := cpu(ctx, t, m, ".."); ; {
		pause(ctx, span)
		now := cpu(ctx, t, m, "..")
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

// lastRun is when the last hook ran.
func lastRun(t *testing.T, m *e2e.Machine) time.Time {
	t.Helper()
	content, err := m.ReadFile(logFile)
	require.NoError(t, err)
	lines := strings.Fields(string(content))
	ns, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
	require.NoError(t, err)
	return time.Unix(0, ns)
}

func addLinks(results map[string]flapped) {
	peer := contestants[0].name
	theirs, exec, units := results[peer], results[execMode.name], results[unitsMode.name]
	last := func(mode string, ours flapped) Row {
		what := fmt.Sprintf("1,000 links flap, last cut to last of %s hooks (peer: %s)", thousands(strconv.Itoa(ours.hooks)), thousands(strconv.Itoa(theirs.hooks)))
		return Row{What: what, Case: mode, Unit: "ms", Ours: milliseconds(ours.last), Peer: peer, Theirs: milliseconds(theirs.last)}
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
