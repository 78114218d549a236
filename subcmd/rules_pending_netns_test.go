package subcmd

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/state"
)

// TestPendingWaitsForAnother: whoever is at it may have been killed between taking
// what was pending and doing it, so that nothing tells any more that it is not done.
func TestPendingWaitsForAnother(t *testing.T) {
	h := newHost(t)
	another, waits := h.pendingBehindAnother(t)
	another.Unlock()
	require.NoError(t, waits.Wait())
	assert.Contains(t, h.ns.IP(t, "rule"), "from 192.0.2.20 lookup")

	// Told to end while it waits, it ends well.
	another, waits = h.pendingBehindAnother(t)
	defer another.Unlock()
	require.NoError(t, waits.Process.Signal(unix.SIGTERM))
	assert.NoError(t, waits.Wait())
}

// pendingBehindAnother starts a run while another holds the lock, and returns once
// it says that it waits.
func (h *host) pendingBehindAnother(t *testing.T) (another *state.Lock, run *exec.Cmd) {
	t.Helper()
	another, err := state.LockRulesQueue(t.Context(), filepath.Join(h.dir, "state"), func() {})
	require.NoError(t, err)
	run = h.command("apply-rules", "--pending")
	stderr, err := run.StderrPipe()
	require.NoError(t, err)
	h.ns.Do(t, func() { require.NoError(t, run.Start()) })
	said, err := bufio.NewReader(stderr).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, said, "is at work and is waited for")
	return another, run
}
