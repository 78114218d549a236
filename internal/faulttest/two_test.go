package faulttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/state"
)

// TestTwoWatchers starts a second one on the state of the first, which goes on.
func TestTwoWatchers(t *testing.T) {
	h := newHost(t, "")
	h.logEdges(t)
	w := h.watch(t)
	h.firstPass(t)
	stdout, stderr, status := h.run(t, "watch", "--dispatch=exec", "--print")
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)
	assert.Equal(t, fmt.Sprintf("netbrk: another netbrk watch keeps its state in %q\nnetbrk: hint: stop it, or use --state-dir DIR\n", h.State), stderr)
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\n")
	h.knows(t, h.index(t, "flap0"), "no-carrier")
	w.end(t, h)
	h.delivered(t)
}

// ending is what became of a netbrk.
type ending struct {
	verb   string
	status int
	stderr string
}

// start starts a netbrk, which tells of its end.
func (h *host) start(t *testing.T, ends chan<- ending, args ...string) {
	t.Helper()
	cmd := h.Command(args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	h.Do(t, func() { require.NoError(t, cmd.Start()) })
	go func() {
		_ = cmd.Wait()
		ends <- ending{strings.Join(args, " "), cmd.ProcessState.ExitCode(), errs.String()}
	}()
}

const twoAddresses = 50

// TestTwoOneshots starts each oneshot twice at the same moment on one state. A
// second run-hooks leaves the events to the first one, which is kept at a script
// until then; a second apply-rules --pending waits for the first one.
func TestTwoOneshots(t *testing.T) {
	t.Parallel() // it waits for ends, mostly
	h := flapHost(t)
	g := h.gated(t, "routable.d")
	var batch strings.Builder
	for i := range twoAddresses - 1 {
		fmt.Fprintf(&batch, "address add 192.0.2.%d/24 dev flap0\n", 100+i)
	}
	h.IPBatch(t, batch.String())
	index := h.index(t, "flap0")
	states := []string{"no-carrier"}
	for range 10 {
		states = append(states, "routable", "no-carrier")
	}
	ids := h.transitions(t, index, states...)
	require.NoError(t, os.Mkdir(filepath.Join(h.State, "rules-pending"), 0o755))
	h.put(t, "rules-pending", fmt.Sprint(index))

	hooks, rules := make(chan ending, 2), make(chan ending, 4)
	for range 2 {
		h.start(t, hooks, "run-hooks")
		h.start(t, rules, "apply-rules")
		h.start(t, rules, "apply-rules", "--pending")
	}
	second := <-hooks
	assert.Zero(t, second.status, second.stderr)
	assert.Equal(t, "level=INFO msg=\"another netbrk run-hooks is at work and takes the events\"\n", second.stderr)
	assert.Empty(t, h.runs(t), "the first one is at its gate")
	g.wait(t)()
	first := <-hooks
	assert.Zero(t, first.status, first.stderr)
	assert.NotContains(t, first.stderr, "err=")
	assert.Equal(t, ids, h.ran(t), "each once and in order")
	for range cap(rules) {
		end := <-rules
		assert.Zero(t, end.status, "%s: %s", end.verb, end.stderr)
		assert.NotRegexp(t, `err=|(?m)^netbrk: `, end.stderr, end.verb)
	}
	h.allRuled(t)
	for _, dir := range []string{"events", "rules-pending", "hooks/json", "failed"} {
		assert.Empty(t, h.list(dir), dir)
	}
	h.noTemporaries(t, "at the end")
}

// TestSecondPendingWaits starts apply-rules while another one is at work.
func TestSecondPendingWaits(t *testing.T) {
	t.Parallel()
	h := flapHost(t)
	require.NoError(t, os.MkdirAll(filepath.Join(h.State, "rules-pending"), 0o755))
	ends := make(chan ending, 2)
	h.start(t, ends, "apply-rules", "--pending")
	eventually(t, "the first one at work", func() string {
		if holder := state.RulesQueueHolder(h.State); !holder.Held {
			return fmt.Sprintf("%+v", holder)
		}
		return ""
	})
	h.start(t, ends, "apply-rules", "--pending")
	first, second := <-ends, <-ends
	assert.Zero(t, first.status, first.stderr)
	assert.Zero(t, second.status, second.stderr)
	assert.Regexp(t, `^level=INFO msg="another netbrk apply-rules is at work and is waited for" pid=\d+\n$`, second.stderr)
	assert.Equal(t, 3, strings.Count(h.IP(t, "-N -4 rule"), "192.0.2.10 "))
}

// allRuled checks that each address of flap0 has its rules, once.
func (h *host) allRuled(t *testing.T) {
	t.Helper()
	rules := h.IP(t, "-N -4 rule")
	addresses := h.IPLines(t, "-o -4 address show dev flap0")
	require.Len(t, addresses, twoAddresses)
	for _, line := range addresses {
		address, _, _ := strings.Cut(strings.Fields(line)[3], "/")
		assert.Equal(t, 3, strings.Count(rules, address+" "), "%s:\n%s", address, rules)
	}
	assert.Equal(t, 3*twoAddresses+1, strings.Count(rules, "proto 110"), "and one for all")
	steps, stderr, status := h.run(t, "apply-rules", "--dry-run")
	assert.Zero(t, status, stderr)
	assert.Empty(t, steps)
}
