package faulttest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
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
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap*\"\n")
	random, kills := chances(t)
	h.logEdges(t)
	h.logHook(t, "addresses.d", "routes.d", "rules.d")
	s := &storm{host: h, random: random, killed: map[string]int{}}
	for i := range flapLinks {
		s.appear(t, i)
	}
	foreign := h.foreign(t)
	before := foreign()
	monitor := h.monitor(t, regexp.MustCompile(`\bkeep[01]\b`))

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
			if r.isTransition() {
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
	monitor.untouched(t)
	h.noneLeftOver(t)
	h.soundLog(t)
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
		fmt.Sprintf("address add 2001:db8:0:%d::10/64 dev flap%d nodad\n", i, i)+
		fmt.Sprintf("route add default via 192.0.2.1 dev flap%d metric %d\n", i, 100+i))
}

// change makes one change of a link or its addresses.
func (s *storm) change(t *testing.T) {
	t.Helper()
	i := s.random.IntN(flapLinks)
	switch s.random.IntN(12) {
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
	case 10: // those of IPv6 go whenever the link is down
		s.IP(t, fmt.Sprintf("address replace 2001:db8:0:%d::%d/64 dev flap%d nodad", i, 20+s.random.IntN(5), i))
	case 11:
		s.IP(t, fmt.Sprintf("-6 address flush dev flap%d scope global", i))
	}
}

// calm brings the links to states that are known, and returns these by ifindex.
func (s *storm) calm(t *testing.T) map[int]string {
	t.Helper()
	want := map[int]string{}
	for i := range flapLinks {
		s.IPBatch(t, fmt.Sprintf("link set flap%d up\nlink set peer%d up\n", i, i)+
			fmt.Sprintf("address replace 2001:db8:0:%d::10/64 dev flap%d nodad\n", i, i))
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
