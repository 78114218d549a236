package faulttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/hosttest"
)

// TestBadScripts has scripts hang, fork and flood before a good one, which must
// have its turn for each event, and be told of what the link is in the end.
func TestBadScripts(t *testing.T) {
	h := newHost(t, "HookTimeout = \"1s\"\n")
	h.logEdges(t)
	h.write(t, "hooks/no-carrier.d/00-hangs", "#!/bin/sh\nsleep 1000\n", 0o755)
	h.write(t, "hooks/no-carrier.d/01-forks", fmt.Sprintf("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & echo $! >>%s/forked; done\n", h.Dir), 0o755)
	h.write(t, "hooks/no-carrier.d/02-floods", "#!/bin/sh\nexec head -c 100000000 /dev/zero\n", 0o755)
	h.write(t, "hooks/no-carrier.d/03-fails", fmt.Sprintf("#!/bin/sh\ngrep VmHWM /proc/$PPID/status >>%s/peaks\nexit 7\n", h.Dir), 0o755)
	t.Cleanup(func() { // they are the script's, not netbrk's
		for line := range strings.Lines(h.read("forked")) {
			if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	})
	w := h.watch(t)
	h.firstPass(t)
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\n")
	index := h.index(t, "flap0")
	h.knows(t, index, "no-carrier")
	h.IPBatch(t, "link set peer0 up\naddress add 192.0.2.10/24 dev flap0\n")
	h.knows(t, index, "routable")
	h.settle(t)
	h.peaks(t, w)
	w.end(t, h)
	h.delivered(t)
	assert.Zero(t, strings.Count(h.read("forked"), "\n")%10, "it was let fork")
	assert.NotEmpty(t, h.read("forked"), "it had its turn")
	log := h.read("stderr")
	for _, name := range []string{"00-hangs", "03-fails"} {
		assert.Contains(t, log, name, "what failed is told")
	}
	assert.Less(t, len(log), 100_000, "a flood stays out of the log")
	results := h.exec(t, "du", "-sb", h.State+"/hooks/results")
	size, err := strconv.Atoi(strings.Fields(results)[0])
	require.NoError(t, err)
	assert.Less(t, size, 1<<20, "of a flood the end is kept")
}

// floodPeak is in KiB what neither the watcher nor run-hooks may reach under a flood
// of 100 MB: some 20 MiB is what they take without, and what keeps the flood, or
// doubles a buffer over a good part of it, is past it.
const floodPeak = 64 << 10

// peaks checks the most memory that the watcher, and run-hooks after each flood, had.
func (h *host) peaks(t *testing.T, w *watcher) {
	t.Helper()
	peak, ok := hosttest.Memory(w.cmd.Process.Pid, "VmHWM")
	require.True(t, ok)
	assert.Less(t, peak, floodPeak, "the watcher's, in KiB")
	lines := strings.Split(strings.TrimSpace(h.read("peaks")), "\n")
	for _, line := range lines {
		var peak int
		_, err := fmt.Sscanf(line, "VmHWM: %d kB", &peak)
		require.NoError(t, err, line)
		assert.Less(t, peak, floodPeak, "that of run-hooks, in KiB")
		t.Logf("after a flood run-hooks had taken %d KiB", peak)
	}
}

// retriggers is how often a script changes its own link's routes at least.
const retriggers = 50

// turn is a script of a link's that notes when it begins and ends.
func (h *host) turn(t *testing.T, name, work string) {
	t.Helper()
	h.write(t, "hooks/"+name, fmt.Sprintf("#!/bin/sh\ncd %s\necho begin >>turns.$LINK\n%s\necho end >>turns.$LINK\n", h.Dir, work), 0o755)
}

// inTurn checks that a link's scripts ran one at a time, and returns how many did.
func (h *host) inTurn(t *testing.T, link string) int {
	t.Helper()
	turns := h.read("turns." + link)
	n := strings.Count(turns, "begin\n")
	assert.Equal(t, strings.Repeat("begin\nend\n", n), turns, "turns of %s", link)
	return n
}

// TestScriptTriggersItself has a script change a route of its own link. One that
// leaves the same route each time comes to an end by itself; one that does not is
// run again for each change, one at a time, and holds up no other link: it goes on
// until that was told of.
func TestScriptTriggersItself(t *testing.T) {
	h := newHost(t, "")
	h.logEdges(t)
	for _, s := range hostnet.LinkStates() {
		h.turn(t, s+".d/20-turn", "")
	}
	h.turn(t, "routes.d/same0/10-same", "echo run >>same\nip route replace 198.51.100.0/24 dev $LINK")
	h.turn(t, "routes.d/other0/10-other", "echo run >>other\n[ -e enough ] || ip route replace 203.0.113.0/24 dev $LINK metric $(wc -l <other)")
	h.turn(t, "routes.d/other0/20-other", "")
	w := h.watch(t)
	h.firstPass(t)
	for _, link := range []string{"same", "other", "calm"} {
		h.IPBatch(t, fmt.Sprintf("link add %s0 type veth peer name %s1\nlink set %s0 up\nlink set %s1 up\n", link, link, link, link))
	}
	h.IPBatch(t, "address add 192.0.2.10/24 dev same0\naddress add 192.0.3.10/24 dev other0\n")
	runs := func() int { return strings.Count(h.read("other"), "\n") }
	more := func(than int) {
		t.Helper()
		eventually(t, "another run of the script", func() string {
			if n := runs(); n <= than {
				return strconv.Itoa(n)
			}
			return ""
		})
	}
	more(1)
	h.IPBatch(t, "address add 192.0.4.10/24 dev calm0\n")
	h.knows(t, h.index(t, "calm0"), "routable")
	more(max(runs(), retriggers)) // it had not come to an end
	require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "enough"), nil, 0o600))
	h.settle(t)
	w.end(t, h)
	assert.Contains(t, h.IP(t, "route show dev same0"), "198.51.100.0/24")
	assert.LessOrEqual(t, strings.Count(h.read("same"), "\n"), 10, "it ends once nothing changes")
	assert.Greater(t, h.inTurn(t, "other0"), 2*retriggers)
	for _, link := range []string{"same0", "calm0"} {
		assert.NotZero(t, h.inTurn(t, link))
	}
	h.delivered(t)
}
