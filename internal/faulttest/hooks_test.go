package faulttest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestBadScripts has scripts hang, fork and flood before a good one, which must
// have its turn for each event, and be told of what the link is in the end.
func TestBadScripts(t *testing.T) {
	h := newHost(t, "HookTimeout = \"1s\"\n")
	h.logEdges(t)
	h.write(t, "hooks/no-carrier.d/00-hangs", "#!/bin/sh\nsleep 1000\n", 0o755)
	h.write(t, "hooks/no-carrier.d/01-forks", fmt.Sprintf("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & echo $! >>%s/forked; done\n", h.Dir), 0o755)
	h.write(t, "hooks/no-carrier.d/02-floods", "#!/bin/sh\nexec head -c 100000000 /dev/zero\n", 0o755)
	h.write(t, "hooks/no-carrier.d/03-fails", "#!/bin/sh\nexit 7\n", 0o755)
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
	w.end(t, h)
	h.delivered(t)
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

// retriggers is how often a script changes its own link's routes before it is
// content.
const retriggers = 50

// TestScriptTriggersItself has a script change a route of its own link. One that
// leaves the same route each time comes to an end by itself; one that does not is
// run again for each change, one at a time, and holds up no other link.
func TestScriptTriggersItself(t *testing.T) {
	h := newHost(t, "")
	h.logEdges(t)
	h.write(t, "hooks/routes.d/same0/10-same", fmt.Sprintf("#!/bin/sh\necho run >>%s/same\nexec ip route replace 198.51.100.0/24 dev $LINK\n", h.Dir), 0o755)
	h.write(t, "hooks/routes.d/other0/10-other", fmt.Sprintf("#!/bin/sh\necho run >>%s/other\n"+
		"runs=$(wc -l <%s/other)\n[ $runs -gt %d ] || exec ip route replace 203.0.113.0/24 dev $LINK metric $runs\n", h.Dir, h.Dir, retriggers), 0o755)
	w := h.watch(t)
	h.firstPass(t)
	for _, link := range []string{"same", "other", "calm"} {
		h.IPBatch(t, fmt.Sprintf("link add %s0 type veth peer name %s1\nlink set %s0 up\nlink set %s1 up\n", link, link, link, link))
	}
	h.IPBatch(t, "address add 192.0.2.10/24 dev same0\naddress add 192.0.3.10/24 dev other0\n")
	eventually(t, "the script's second run", func() string {
		if runs := strings.Count(h.read("other"), "\n"); runs < 2 {
			return strconv.Itoa(runs)
		}
		return ""
	})
	h.IPBatch(t, "address add 192.0.4.10/24 dev calm0\n")
	h.knows(t, h.index(t, "calm0"), "routable")
	eventually(t, "the script's last run", func() string {
		if runs := strings.Count(h.read("other"), "\n"); runs <= retriggers {
			return strconv.Itoa(runs)
		}
		return ""
	})
	h.settle(t)
	w.end(t, h)
	assert.Contains(t, h.IP(t, "route show dev same0"), "198.51.100.0/24")
	assert.LessOrEqual(t, strings.Count(h.read("same"), "\n"), 10, "it ends once nothing changes")
	h.delivered(t)
}

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
