//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hosttest"
)

const (
	// stormRoutes come at once and stay: what a router learns from a peer.
	stormRoutes = 100_000
	// stormTimes is how often each contestant meets the storm.
	stormTimes = 3
	// stillFor is how long a process must not have computed to be through.
	stillFor = 300 * time.Millisecond
)

// stormed is what was measured of a process that heard a storm.
type stormed struct {
	sent   time.Duration // how long the storm was
	hook   time.Duration // an address added right after it, to its hook or its line
	rules  time.Duration // the same to the last of its rules
	cpu    time.Duration
	memory memory
}

// TestBenchStorm has 100,000 routes come as fast as the kernel takes them, and an
// address right after, in network namespaces.
func TestBenchStorm(t *testing.T) {
	t.Logf("%d routes, %d times", stormRoutes, stormTimes)
	var ours, theirs []stormed
	for range stormTimes {
		ours = append(ours, stormWatcher(t, false))
		theirs = append(theirs, stormMonitor(t))
	}
	addStorm(ours, theirs, stormWatcher(t, true))
}

// stormWatcher measures netbrk watch, which runs the hook and has rules applied. own
// has the routes be of the link with rules, whose table takes all of them.
func stormWatcher(t *testing.T, own bool) stormed {
	t.Helper()
	h := newStormHost(t)
	if own {
		h.routed = h.ruled
	}
	w := h.watch(t)
	hosttest.Wait(t, "the first address's rules and hook", func() bool { return h.hasRules(t, firstAddress) && h.ran(1) })
	still(t, w.Process.Pid)
	ran := h.runs()
	before := processCPU(t, w.Process.Pid)

	var r stormed
	r.sent = h.storm(t)
	at := h.address(t, secondAddress)
	hosttest.Wait(t, "the second address's rules", func() bool { return h.hasRules(t, secondAddress) })
	r.rules = time.Since(at)
	hosttest.Wait(t, "its hook", func() bool { return h.ran(ran + 1) })
	r.hook = h.ranAt(t, ran).Sub(at)
	still(t, w.Process.Pid)
	r.cpu = processCPU(t, w.Process.Pid) - before
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.Process.Pid))
	require.NoError(t, err)
	r.memory = readMemory(t, string(status))
	h.end(t, w)
	return r
}

// stormMonitor measures ip monitor, which prints the address. It is run twice, since
// who reads what it prints takes time from it.
func stormMonitor(t *testing.T) stormed {
	t.Helper()
	// It is given room for all messages: netbrk takes stock when some are lost, which
	// ip monitor cannot.
	monitor := []string{"ip", "-rcvbuf", "536870912", "monitor", "link", "address", "route", "rule"}
	var r stormed

	h := newStormHost(t)
	cmd := exec.Command(monitor[0], monitor[1:]...)
	h.start(t, cmd)
	still(t, cmd.Process.Pid)
	before := processCPU(t, cmd.Process.Pid)
	r.sent = h.storm(t)
	still(t, cmd.Process.Pid)
	r.cpu = processCPU(t, cmd.Process.Pid) - before
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	require.NoError(t, err)
	r.memory = readMemory(t, string(status))
	h.end(t, cmd)

	h = newStormHost(t)
	cmd = exec.Command(monitor[0], monitor[1:]...)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	h.start(t, cmd)
	still(t, cmd.Process.Pid)
	found := make(chan time.Time, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "inet "+secondAddress) {
				found <- time.Now()
			}
		}
	}()
	h.storm(t)
	at := h.address(t, secondAddress)
	select {
	case told := <-found:
		r.hook = told.Sub(at)
	case <-time.After(hosttest.Patience):
		// The kernel cuts the buffer down to net.core.rmem_max, and what it drops ip
		// monitor never asks for.
		t.Log("ip monitor never told of the address: it is counted as if it had at the end")
		r.hook = hosttest.Patience
	}
	h.end(t, cmd)
	return r
}

// end ends a process in good order.
func (h *stormHost) end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Process.Signal(unix.SIGTERM))
	_ = cmd.Wait() // ip(8) ends by the signal
}

// storm adds the routes, many with each system call and none of them acknowledged,
// as routing daemons do. It returns how long that took.
func (h *stormHost) storm(t *testing.T) time.Duration {
	t.Helper()
	const together = 64
	var datagrams [][]byte
	for i := 0; i < stormRoutes; {
		var datagram []byte
		for ; len(datagram) == 0 || i%together != 0 && i < stormRoutes; i++ {
			datagram = append(datagram, routeRequest(h.routed, i)...)
		}
		datagrams = append(datagrams, datagram)
	}
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	at := time.Now()
	for _, datagram := range datagrams {
		require.NoError(t, unix.Sendto(h.socket, datagram, 0, kernel))
	}
	return time.Since(at)
}

func addStorm(ours, theirs []stormed, own stormed) {
	middle := func(of func(stormed) time.Duration, all []stormed) float64 {
		var values []time.Duration
		for _, r := range all {
			values = append(values, of(r))
		}
		return milliseconds(Median(values))
	}
	most := func(of func(memory) int, all []stormed) float64 {
		value := 0
		for _, r := range all {
			value = max(value, of(r.memory))
		}
		return mebibytes(value)
	}
	const at, monitor = "at once", "ip monitor"
	sent := middle(func(s stormed) time.Duration { return s.sent }, ours)
	row := func(what string, of func(stormed) time.Duration, goal Goal) Row {
		return Row{What: what, Case: at, Unit: "ms", Ours: middle(of, ours), Peer: monitor, Theirs: middle(of, theirs), Goal: goal}
	}
	size := func(what string, of func(memory) int) Row {
		return Row{What: what, Case: at, Unit: "MiB", Ours: most(of, ours), Peer: monitor, Theirs: most(of, theirs)}
	}
	rulesAfter := row("address added right after them, to its rules", func(s stormed) time.Duration { return s.rules }, AtMost(1000))
	rulesAfter.Peer = ""
	table.Add(storms,
		row(fmt.Sprintf("CPU for 100,000 routes that come within %.0f ms", sent), func(s stormed) time.Duration { return s.cpu }, Goal{}),
		row("address added right after them, to its hook", func(s stormed) time.Duration { return s.hook }, AtMost(1000)),
		rulesAfter,
		Row{What: "the same, routes of the link with rules", Case: at, Unit: "ms", Ours: milliseconds(own.rules), Goal: AtMost(1000)},
		size("watcher's anonymous memory after them", func(m memory) int { return m.anonymous }),
		size("watcher's resident memory after them", func(m memory) int { return m.resident }),
		size("peak of it", func(m memory) int { return m.peak }),
	)
}
