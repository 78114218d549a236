package faulttest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/state"
)

// gate is a script that waits, once, until it is let through.
type gate struct{ fifo, passed string }

// gated has the first script of a state wait at a gate.
func (h *host) gated(t *testing.T, directory string) gate {
	t.Helper()
	g := gate{filepath.Join(h.Dir, "gate"), filepath.Join(h.Dir, "passed")}
	require.NoError(t, unix.Mkfifo(g.fifo, 0o600))
	h.write(t, "hooks/"+directory+"/00-gate", fmt.Sprintf("#!/bin/sh\n[ -e %s ] || read _ <%s\n: >%s\n", g.passed, g.fifo, g.passed), 0o755)
	return g
}

// wait waits until the script is at the gate; the function that it returns opens it.
func (g gate) wait(t *testing.T) (open func()) {
	t.Helper()
	var f *os.File
	eventually(t, "the script at its gate", func() string {
		fd, err := unix.Open(g.fifo, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENXIO) { // nobody reads, fifo(7)
			return err.Error()
		}
		require.NoError(t, err)
		f = os.NewFile(uintptr(fd), g.fifo)
		return ""
	})
	return func() { require.NoError(t, f.Close()) }
}

// transitions has a link's events wait, and returns their IDs in order.
func (h *host) transitions(t *testing.T, index int, states ...string) (ids []string) {
	t.Helper()
	s, _, err := state.OpenSpool(h.root + h.State)
	require.NoError(t, err)
	for i := range states[1:] {
		ids = append(ids, h.spoolMore(t, s, index, states[i], states[i+1]).ID)
	}
	return ids
}

// ran are the IDs of the events that scripts ran for, in order.
func (h *host) ran(t *testing.T) (ids []string) {
	t.Helper()
	for _, r := range h.runs(t) {
		ids = append(ids, r.id)
	}
	return ids
}

// TestNoRoomWhileEventsWait has the state's file system full, or closed to writing,
// behind a script that runs, with more events in the spool. Each of them is handled,
// in order, by that run or a later one, which has room again.
func TestNoRoomWhileEventsWait(t *testing.T) {
	for _, test := range closings() {
		t.Run(test.name, func(t *testing.T) {
			h := flapHost(t)
			g := h.gated(t, "routable.d")
			inside := h.mounted(t)
			index := h.index(t, "flap0")
			ids := h.transitions(t, index, "no-carrier", "routable", "no-carrier", "routable", "no-carrier")

			ends := make(chan ending, 1)
			h.start(t, ends, "run-hooks")
			through := g.wait(t)
			test.close(t, h, inside)
			through()
			end := h.drained(t, ends)
			assert.Zero(t, end.status, "every script had its turn: %s", end.stderr)
			assert.Equal(t, ids, h.ran(t), "a run under way goes on")
			h.complains(t, end.stderr, test.says)

			// Where it cannot even take its lock, a run begins nothing.
			test.open(t, h, inside)
			ids = append(ids, h.transitions(t, index, "no-carrier", "degraded", "routable")...)
			test.close(t, h, inside)
			h.start(t, ends, "run-hooks")
			end = h.drained(t, ends)
			if test.locked {
				assert.Equal(t, 1, end.status)
				assert.Regexp(t, `^netbrk: [^\n]*`+test.says+`\n(netbrk: hint: [^\n]*\n)?$`, end.stderr)
				assert.Len(t, h.list("events"), 2, "what waits is left")
				assert.Equal(t, ids[:len(ids)-2], h.ran(t))
			} else {
				assert.Zero(t, end.status)
				h.complains(t, end.stderr, test.says)
				assert.Equal(t, ids, h.ran(t))
			}

			test.open(t, h, inside)
			h.start(t, ends, "run-hooks")
			end = h.drained(t, ends)
			assert.Zero(t, end.status, end.stderr)
			assert.NotContains(t, end.stderr, "err=")
			assert.Equal(t, ids, h.ran(t), "each once and in order")
			assert.Empty(t, h.list("events"))
			assert.Empty(t, h.list("failed"))
			assert.Empty(t, h.list("hooks/json"), "the next run clears what this one could not")
			h.noTemporaries(t, test.name)
		})
	}
}

// drained waits until run-hooks has emptied the spool, and tells it to end, or until
// it has ended by itself.
func (h *host) drained(t *testing.T, ends chan ending) ending {
	t.Helper()
	eventually(t, "an end of the events, or of run-hooks", func() string {
		if len(ends) > 0 || h.drainedAll() {
			return ""
		}
		return fmt.Sprintf("not at work, or these wait: %q", h.list("events"))
	})
	h.terminate()
	return <-ends
}

// complains checks that a log tells of what cannot be written, in lines that say why.
func (h *host) complains(t *testing.T, log, says string) {
	t.Helper()
	assert.Contains(t, log, says)
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `msg="hook ran"`) {
			assert.Regexp(t, `^level=WARN [^\n]*`+says+`"\n$`, line)
		}
	}
}

// TestNoRoomForTheCloud has cloud-sync find its state full, or closed to writing.
func TestNoRoomForTheCloud(t *testing.T) {
	for _, test := range closings() {
		t.Run(test.name, func(t *testing.T) {
			h, args := cloudHost(t)
			inside := h.mounted(t)
			test.close(t, h, inside)
			stdout, stderr, status := h.run(t, args...)
			assert.Equal(t, 1, status)
			assert.Empty(t, stdout)
			assert.Regexp(t, `^netbrk: [^\n]*`+test.says+`[^\n]*\n(netbrk: hint: [^\n]*\n)?$`, withoutLog(stderr))

			test.open(t, h, inside)
			_, stderr, status = h.run(t, args...)
			require.Zero(t, status, stderr)
			assert.Contains(t, h.IP(t, "-4 address show dev nic0"), "10.0.0.11/")
			steps, _, _ := h.run(t, append(args, "--dry-run")...)
			assert.Empty(t, steps)
			assert.Contains(t, h.list("cloud"), "sync.json")
			h.noTemporaries(t, test.name)
		})
	}
}
