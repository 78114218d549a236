package faulttest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	flapLinks = 4
	// baseTable and rulePriority are the defaults of RouteTableBase and RulePriority.
	baseTable    = 9999
	rulePriority = 30000
	// pauseMost is the longest pause between two changes or kills.
	pauseMost = 40 * time.Millisecond
)

// TestKill kills netbrk's processes one after another while links and addresses
// change, and then holds what was delivered and what the kernel has against the
// truth. NETBRK_FAULT_SEED repeats the choices, not the moments of a run.
func TestKill(t *testing.T) {
	seed := number(t, "NETBRK_FAULT_SEED", uint64(time.Now().UnixNano()))
	kills := int(number(t, "NETBRK_FAULT_KILLS", 30))
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap*\"\n")
	t.Logf("NETBRK_FAULT_SEED=%d NETBRK_FAULT_KILLS=%d", seed, kills)
	h.logEdges(t)
	s := &storm{host: h, random: rand.New(rand.NewPCG(seed, seed)), killed: map[string]int{}}
	for i := range flapLinks {
		s.appear(t, i)
	}
	foreign := h.foreign(t)
	before := foreign()

	s.watcher = h.watch(t)
	for s.total() < kills {
		s.change(t)
		s.pause()
		s.kill(t)
		s.pause()
	}
	want := s.calm(t)
	t.Logf("killed: %v; the watcher was started %d times", s.killed, s.starts+1)
	for _, verb := range []string{"watch", "run-hooks", "apply-rules"} {
		assert.NotZero(t, s.killed[verb], "%s was never killed", verb)
	}

	eventually(t, "the last state of each link", func() string {
		last := map[int]string{}
		for _, r := range h.runs(t) {
			if r.kind != "links" {
				last[r.index] = r.state
			}
		}
		for index, state := range want {
			if last[index] != state {
				return fmt.Sprintf("link %d is %q, its scripts know %q", index, state, last[index])
			}
		}
		return ""
	})
	eventually(t, "rules for each address", func() string { return h.wrongRules(t) })
	h.settle(t)
	eventually(t, "a plan without steps", func() string {
		steps, _, status := h.run(t, "apply-rules", "--dry-run")
		require.Zero(t, status)
		return steps
	})
	s.watcher.end(t, h)

	h.delivered(t)
	assert.Equal(t, before, foreign(), "what is not netbrk's")
	h.noneLeftOver(t)
	assert.NotContains(t, h.read("stderr"), "panic", "in the log")
	assert.NotContains(t, h.read("stderr"), "unexpected", "in the log")
}

// storm changes links and kills netbrks.
type storm struct {
	*host
	random  *rand.Rand
	watcher *watcher
	starts  int // of the watcher, after the first one
	killed  map[string]int
}

func (s *storm) total() int {
	n := 0
	for _, k := range s.killed {
		n += k
	}
	return n
}

func (s *storm) pause() {
	<-time.After(time.Duration(s.random.Int64N(int64(pauseMost))))
}

// kill kills one netbrk, and has the watcher started again as systemd would.
func (s *storm) kill(t *testing.T) {
	t.Helper()
	select {
	case <-s.watcher.done:
		require.Fail(t, "the watcher ended by itself", tail(s.read("stderr"), 10))
	default:
	}
	victim, ok := s.host.kill(s.random)
	if !ok {
		return
	}
	s.killed[victim.verb]++
	if victim.pid != s.watcher.cmd.Process.Pid {
		return // if it looked like the watcher, it was about to become another netbrk
	}
	<-s.watcher.done
	// A child that it had forked and that has yet to become another netbrk holds its
	// lock. A service manager waits for what is left, too.
	eventually(t, "the end of the watcher", func() string {
		for _, p := range s.processes() {
			if p.verb == "watch" {
				return fmt.Sprint(p)
			}
		}
		return ""
	})
	s.watcher = s.watch(t)
	s.starts++
}

func (s *storm) appear(t *testing.T, i int) {
	t.Helper()
	s.IPBatch(t, fmt.Sprintf("link add flap%d type veth peer name peer%d\n", i, i)+
		fmt.Sprintf("link set flap%d up\nlink set peer%d up\n", i, i)+
		fmt.Sprintf("address add 192.0.2.%d/24 dev flap%d\n", 10+i, i)+
		fmt.Sprintf("route add default via 192.0.2.1 dev flap%d metric %d\n", i, 100+i))
}

// change makes one change of a link or its addresses.
func (s *storm) change(t *testing.T) {
	t.Helper()
	i := s.random.IntN(flapLinks)
	switch s.random.IntN(10) {
	case 0, 1:
		s.IP(t, fmt.Sprintf("link set peer%d down", i))
	case 2, 3, 4:
		s.IP(t, fmt.Sprintf("link set peer%d up", i))
	case 5:
		s.IP(t, fmt.Sprintf("link set flap%d down", i))
	case 6:
		s.IP(t, fmt.Sprintf("link set flap%d up", i))
	case 7:
		s.IP(t, fmt.Sprintf("address replace 192.0.2.%d/24 dev flap%d", 100+10*i+s.random.IntN(5), i))
	case 8:
		s.IP(t, fmt.Sprintf("address flush dev flap%d secondary", i))
	case 9:
		s.IP(t, fmt.Sprintf("link delete flap%d", i))
		s.appear(t, i)
	}
}

// calm brings the links to states that are known, and returns these by ifindex.
func (s *storm) calm(t *testing.T) map[int]string {
	t.Helper()
	want := map[int]string{}
	for i := range flapLinks {
		s.IPBatch(t, fmt.Sprintf("link set flap%d up\nlink set peer%d up\n", i, i))
		switch i {
		case 1:
			s.IP(t, fmt.Sprintf("link set peer%d down", i))
			want[s.index(t, fmt.Sprintf("peer%d", i))] = "off"
			want[s.index(t, fmt.Sprintf("flap%d", i))] = "no-carrier"
			continue
		case 2:
			s.IP(t, fmt.Sprintf("link set flap%d down", i))
			want[s.index(t, fmt.Sprintf("flap%d", i))] = "off"
			want[s.index(t, fmt.Sprintf("peer%d", i))] = "no-carrier"
			continue
		}
		want[s.index(t, fmt.Sprintf("flap%d", i))] = "routable"
		want[s.index(t, fmt.Sprintf("peer%d", i))] = "degraded" // a link-local address
	}
	return want
}

// foreign sets up what netbrk must leave alone, on a link that does not flap, and
// returns a look at it and at every other rule that is not netbrk's.
func (h *host) foreign(t *testing.T) func() []string {
	t.Helper()
	h.IPBatch(t, `link add keep0 type veth peer name keep1
link set keep0 up
link set keep1 up
address add 198.51.100.10/24 dev keep0
route add default via 198.51.100.1 dev keep0 table 77 protocol static
route add 203.0.113.0/24 via 198.51.100.1 dev keep0 protocol static
rule add from 192.0.2.10 lookup 77 priority 100 protocol static
rule add from 192.0.2.11 lookup 10001 priority 30002 protocol static
`)
	h.IP(t, "-6 rule add from 2001:db8::/32 lookup 77 priority 100 protocol 99")
	return func() []string {
		var lines []string
		for _, command := range []string{
			"-N -4 rule", "-N -6 rule", "-N -4 route show table all dev keep0", "-N -4 address show dev keep0", "-N -4 address show dev keep1",
		} {
			for _, line := range h.IPLines(t, command) {
				if !strings.Contains(line, "proto 110") {
					lines = append(lines, line)
				}
			}
		}
		return lines
	}
}

// wrongRules compares netbrk's rules with the addresses, both as ip(8) tells
// them, and returns how they differ.
func (h *host) wrongRules(t *testing.T) string {
	t.Helper()
	var want []string
	for i := range flapLinks {
		link := fmt.Sprintf("flap%d", i)
		table := baseTable + h.index(t, link)
		for _, line := range h.IPLines(t, "-o -4 address show dev "+link+" scope global") {
			address, _, _ := strings.Cut(strings.Fields(line)[3], "/")
			want = append(want,
				fmt.Sprintf("%d: from %s lookup %d suppress_prefixlength 0 proto 110", rulePriority, address, table),
				fmt.Sprintf("%d: from %s lookup %d proto 110", rulePriority+2, address, table),
				fmt.Sprintf("%d: from all to %s lookup %d proto 110", rulePriority+3, address, table))
		}
	}
	want = append(want, fmt.Sprintf("%d: from all lookup 254 suppress_prefixlength 0 proto 110", rulePriority+1))
	var have []string
	for _, line := range h.IPLines(t, "-N -4 rule") {
		if strings.HasSuffix(line, "proto 110") {
			have = append(have, line)
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if slices.Equal(want, have) {
		return ""
	}
	return fmt.Sprintf("want:\n%s\nhave:\n%s", strings.Join(want, "\n"), strings.Join(have, "\n"))
}

// noneLeftOver looks for files that nobody will ever remove, once each oneshot
// has had one more run, as its unit would have.
func (h *host) noneLeftOver(t *testing.T) {
	t.Helper()
	for _, verb := range [][]string{{"run-hooks"}, {"apply-rules", "--pending"}} {
		_, stderr, status := h.run(t, verb...)
		require.Zero(t, status, stderr)
	}
	links := map[string]bool{"0": true}
	for _, line := range h.IPLines(t, "-o link") {
		index, _, _ := strings.Cut(line, ":")
		links[index] = true
	}
	err := filepath.WalkDir(h.State, func(path string, e os.DirEntry, err error) error {
		require.NoError(t, err)
		name, _ := filepath.Rel(h.State, path)
		dir, base := filepath.Split(name)
		index, isDocument := strings.CutSuffix(base, ".json")
		switch {
		case e.IsDir():
		case strings.HasSuffix(base, ".tmp"):
			assert.Fail(t, "a temporary file is left over", name)
		case slices.Contains([]string{"events/", "rules-pending/", "hooks/json/", "failed/"}, dir) && !strings.HasPrefix(base, "."):
			assert.Fail(t, "a file is left over", name)
		case isDocument && slices.Contains([]string{"links/", "rules/", "hooks/links/"}, dir):
			assert.True(t, links[index], "%s is about a link that is gone", name)
		}
		return nil
	})
	require.NoError(t, err)
}
