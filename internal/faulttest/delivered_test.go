package faulttest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// hookRun is one run of a script, as the script tells.
type hookRun struct {
	kind      string // its directory
	id        string
	seq       uint64
	index     int
	link      string
	state     string
	previous  string
	action    string
	coalesced int
}

func (r hookRun) isTransition() bool { return r.kind != "links" && !hostnet.Kind(r.kind).IsLevel() }

// runs are the scripts' runs, in the order in which they were.
func (h *host) runs(t *testing.T) []hookRun {
	t.Helper()
	var runs []hookRun
	for line := range strings.Lines(h.read("hook.log")) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		f := strings.Fields(line)
		require.Len(t, f, 9, line)
		seq, err := strconv.ParseUint(f[2], 10, 64)
		require.NoError(t, err, line)
		index, err := strconv.Atoi(f[3])
		require.NoError(t, err, line)
		coalesced, err := strconv.Atoi(f[8])
		require.NoError(t, err, line)
		runs = append(runs, hookRun{f[0], f[1], seq, index, f[4], f[5], f[6], f[7], coalesced})
	}
	return runs
}

// generation tells which run of the watcher made an event: its ID begins with
// when it started, to the nanosecond.
func generation(t *testing.T, id string) uint64 {
	t.Helper()
	prefix, _, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(prefix, 36, 64)
	require.NoError(t, err, id)
	return n
}

// delivered checks the scripts' runs: every transition that the watcher told to
// have spooled is among them, of each level the last one that it told is, and each
// link's are in order.
func (h *host) delivered(t *testing.T) {
	t.Helper()
	runs := h.runs(t)
	byLink := map[int][]hookRun{}
	known := map[string]bool{}
	for _, r := range runs {
		known[r.id] = true
		byLink[r.index] = append(byLink[r.index], r)
	}
	for index, runs := range byLink {
		inOrder(t, index, runs)
	}
	told := map[int][]hostnet.Event{}
	transitions, levels := 0, 0
	for line := range strings.Lines(h.read("events")) {
		ev, err := hostnet.ParseEvent([]byte(line))
		require.NoError(t, err, line)
		switch {
		case !ev.Kind.IsLevel():
			transitions++
		case !h.hooked(ev.Directory()):
			continue
		default:
			levels++
		}
		told[ev.Index] = append(told[ev.Index], ev)
	}
	require.NotZero(t, transitions)
	for index, told := range told {
		for _, why := range lost(told, byLink[index]) {
			assert.Fail(t, "an event is lost", "link %d: %s\nof the link's:\n%s", index, why, strings.Join(h.grep(index), "\n"))
		}
	}
	t.Logf("told: %d transitions, %d levels; delivered: %d events, %d of them again", transitions, levels, len(known), len(runs)-len(known))
}

// hooked tells whether a directory has scripts that tell of their runs.
func (h *host) hooked(directory string) bool {
	_, err := os.Stat(filepath.Join(h.Dir, "hooks", directory, "10-log"))
	return err == nil
}

// lost are the events of one link, as told in order, that its scripts should have
// been run for, and were not.
func lost(told []hostnet.Event, runs []hookRun) []string {
	if len(runs) == 0 {
		// What comes and goes before any script could know is not told to any.
		last := ""
		for _, ev := range told {
			if ev.Kind == hostnet.KindLinks {
				last = string(ev.Action)
			}
		}
		if last == string(hostnet.ActionRemoved) {
			return nil
		}
		return []string{fmt.Sprintf("no script ran, and what was told of the link last is %q", last)}
	}
	known := map[string]bool{}
	for _, r := range runs {
		known[r.id] = true
	}
	var why []string
	missing := map[hostnet.Property][]hostnet.Event{}
	levels := map[hostnet.Kind]hostnet.Event{}
	for _, ev := range told {
		switch {
		case ev.Kind.IsLevel():
			levels[ev.Kind] = ev
		case !known[ev.ID] && !afterEnd(runs, ev):
			missing[ev.Property] = append(missing[ev.Property], ev)
		}
	}
	for property, missing := range missing {
		// Those that merge share a property, and renames have none. The last one that
		// is missing must be counted by later ones, the last two must be, and so on.
		for i, ev := range missing {
			if n := takenIn(runs, property, ev.Seq); len(missing)-i > n {
				why = append(why, fmt.Sprintf("of %d, from this one on, later ones took in %d: %+v", len(missing)-i, n, ev))
				break
			}
		}
	}
	for kind, last := range levels {
		// A later one of the link takes in one that waits.
		if !afterEnd(runs, last) && !slices.ContainsFunc(runs, func(r hookRun) bool { return r.kind == string(kind) && r.seq >= last.Seq }) {
			why = append(why, fmt.Sprintf("the last one of its level: %+v", last))
		}
	}
	return why
}

// afterEnd tells whether scripts were told before of the link's end. A watcher that
// starts while a link goes finds it missing in the kernel's list, and then reads
// what was said of it on the way out: it appears and vanishes once more, unseen. No
// other link gets its ifindex.
func afterEnd(runs []hookRun, ev hostnet.Event) bool {
	last := runs[len(runs)-1]
	return last.action == string(hostnet.ActionRemoved) && last.seq < ev.Seq
}

// takenIn is how many transitions of a property, or renames where that is empty,
// those after seq say to have taken in: boundEdges of state/spool.go. One that came
// again may have taken in more meanwhile.
func takenIn(runs []hookRun, property hostnet.Property, seq uint64) int {
	counted := map[string]int{}
	for _, r := range runs {
		of, _ := hostnet.PropertyOf(r.kind)
		if r.seq > seq && of == property && !hostnet.Kind(r.kind).IsLevel() {
			counted[r.id] = max(counted[r.id], r.coalesced)
		}
	}
	sum := 0
	for _, n := range counted {
		sum += n
	}
	return sum
}

func (h *host) grep(index int) []string {
	var lines []string
	for line := range strings.Lines(h.read("hook.log")) {
		if f := strings.Fields(line); len(f) == 9 && f[3] == fmt.Sprint(index) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// inOrder checks one link's runs. An event may come again, but not after those of a
// later watcher; new ones come in order; and each transition begins where the one before
// it ended, unless the watcher was killed in between: it goes by what it saved last.
func inOrder(t *testing.T, index int, runs []hookRun) {
	t.Helper()
	states := map[string]bool{}
	var last *hookRun // transition
	seen := map[string]bool{}
	var before hookRun
	for i, r := range runs {
		if seen[r.id] {
			// A watcher that cannot tell whether the last one put what it saved puts all
			// of it again, handled or not: untold of internal/watch/restore.go.
			assert.Equal(t, generation(t, before.id), generation(t, r.id), "link %d: %+v\nagain after %+v", index, r, before)
			continue
		}
		seen[r.id] = true
		if i > 0 {
			if older, newer := generation(t, before.id), generation(t, r.id); older > newer {
				assert.Fail(t, "events out of order", "link %d: %+v\nafter %+v", index, r, before)
			}
			assert.Greater(t, r.seq, before.seq, "link %d: the number of %+v\nafter %+v\nof %+v", index, r, before, runs[max(0, i-6):i+1])
		}
		before = r
		if !r.isTransition() {
			continue
		}
		switch {
		case last == nil:
		case generation(t, last.id) == generation(t, r.id):
			assert.Equal(t, last.state, r.previous, "link %d: a transition is missing between %+v\nand %+v", index, *last, r)
		default:
			assert.True(t, states[r.previous], "link %d: nobody was told of the state before %+v", index, r)
		}
		states[r.state], states[r.previous] = true, true
		last = &runs[i]
	}
}
