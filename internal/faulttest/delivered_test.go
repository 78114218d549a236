package faulttest

import (
	"fmt"
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
// have spooled is among them, and each link's are in order.
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
	spooled, twice := 0, len(runs)-len(known)
	for line := range strings.Lines(h.read("events")) {
		ev, err := hostnet.ParseEvent([]byte(line))
		require.NoError(t, err, line)
		if ev.Kind.IsLevel() {
			continue
		}
		spooled++
		// What comes and goes before any script could know is not told; an
		// event that others took in is counted by them.
		runs := byLink[ev.Index]
		if len(runs) > 0 && !known[ev.ID] && !mergedBy(runs, ev) && !afterEnd(runs, ev) {
			assert.Fail(t, "an event is lost", "%s\nof the link's:\n%s", line, strings.Join(h.grep(ev.Index), "\n"))
		}
	}
	require.NotZero(t, spooled)
	t.Logf("transitions: %d told, %d delivered, %d of them again", spooled, len(known), twice)
}

// afterEnd tells whether scripts were told before of the link's end. A watcher that
// starts while a link goes finds it missing in the kernel's list, and then reads
// what was said of it on the way out: it appears and vanishes once more, unseen. No
// other link gets its ifindex.
func afterEnd(runs []hookRun, ev hostnet.Event) bool {
	last := runs[len(runs)-1]
	return last.action == string(hostnet.ActionRemoved) && last.seq < ev.Seq
}

func mergedBy(runs []hookRun, ev hostnet.Event) bool {
	for _, r := range runs {
		if r.coalesced > 0 && r.seq > ev.Seq {
			return true
		}
	}
	return false
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

// inOrder checks one link's runs. An event may come again, but none after a later
// one; and each transition begins where the one before it ended, unless the
// watcher was killed in between: it goes by what it saved last.
func inOrder(t *testing.T, index int, runs []hookRun) {
	t.Helper()
	states := map[string]bool{}
	var last *hookRun // transition
	for i, r := range runs {
		if i > 0 {
			before := runs[i-1]
			if before.id == r.id {
				continue
			}
			if older, newer := generation(t, before.id), generation(t, r.id); older > newer {
				assert.Fail(t, "events out of order", "link %d: %+v\nafter %+v", index, r, before)
			}
			assert.Greater(t, r.seq, before.seq, "link %d: the number of %+v\nafter %+v", index, r, before)
		}
		if r.kind == "links" {
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
