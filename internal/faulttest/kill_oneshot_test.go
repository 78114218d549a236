package faulttest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// assassin kills one oneshot again and again, each time at another moment of its run.
type assassin struct {
	*host
	random *rand.Rand
	log    *os.File
	// length is how long a whole run takes.
	length        time.Duration
	killed, ended int
	kills         int // to be reached
}

func newAssassin(t *testing.T, h *host) *assassin {
	t.Helper()
	random, kills := chances(t)
	return &assassin{host: h, random: random, log: h.appendTo(t, "stderr"), kills: kills}
}

// measured is how many runs are measured, whole ones, before any is killed.
const measured = 3

// each calls round before each run of netbrk, until enough of them were killed.
func (a *assassin) each(t *testing.T, round func(n int), args ...string) {
	t.Helper()
	var lengths []time.Duration
	n := 1
	for ; n <= measured; n++ {
		round(n)
		lengths = append(lengths, a.plain(t, args...))
	}
	slices.Sort(lengths)
	a.length = lengths[measured/2]
	// A run that has less to do than the one that was measured may end before its time.
	for ; a.killed < a.kills; n++ {
		require.Less(t, n, 10*a.kills, "killed: %d, ended before: %d, over %s", a.killed, a.ended, a.length)
		round(n)
		a.strike(t, args...)
	}
	t.Logf("killed: %d, ended before: %d, over %s", a.killed, a.ended, a.length)
}

// strike starts netbrk and kills it after a while.
func (a *assassin) strike(t *testing.T, args ...string) {
	t.Helper()
	cmd := a.Command(args...)
	cmd.Stdout, cmd.Stderr = a.log, a.log
	a.Do(t, func() { require.NoError(t, cmd.Start()) })
	<-time.After(time.Duration(a.random.Int64N(int64(a.length))))
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		a.killed++
	} else {
		a.ended++
		require.Zero(t, cmd.ProcessState.ExitCode(), tail(a.read("stderr"), 5))
	}
	// Scripts that it had started write after its end. A service manager ends them.
	eventually(t, "the end of what was started", func() string { return strings.Join(a.started(), "\n") })
}

// started are the command lines of processes that work in the host's directory.
func (h *host) started() []string {
	var found []string
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if raw, _ := os.ReadFile(name); strings.Contains(string(raw), h.Dir) {
			found = append(found, strings.ReplaceAll(string(raw), "\x00", " "))
		}
	}
	return found
}

// plain runs netbrk to its end, which is to be a good one, and returns how long it
// took.
func (h *host) plain(t *testing.T, args ...string) time.Duration {
	t.Helper()
	began := time.Now()
	_, stderr, status := h.run(t, args...)
	require.Zero(t, status, "%v: %s", args, stderr)
	h.write(t, "plain.err", h.read("plain.err")+stderr, 0o600)
	return time.Since(began)
}

// documents are the files of the state by name, with their content. Locks and what
// scripts were told are none.
func (h *host) documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(h.State, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(h.State, path)
		found[name] = string(raw)
		return err
	})
	require.NoError(t, err, fmt.Sprint(found))
	return found
}
