package faulttest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/state"
)

// writerCalls are the system calls by which state is written, with those by
// which a file is replaced.
var writerCalls = []string{"mkdirat", "openat", "fchmod", "write", "fsync", "renameat", "unlinkat"}

// callsMost bounds a loop that should end long before.
const callsMost = 400

// TestSystemCallsFail has each system call that writes state fail with ENOSPC in
// turn, by strace(1). It counts by thread: as there is one for Go code at a time,
// the first, second and so on of nearly all threads.
func TestSystemCallsFail(t *testing.T) {
	for _, verb := range []string{"run-hooks", "apply-rules", "watch"} {
		for _, call := range writerCalls {
			t.Run(verb+" "+call, func(t *testing.T) {
				h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap0\"\n")
				h.logEdges(t)
				h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\nlink set peer0 up\naddress add 192.0.2.10/24 dev flap0\n")
				hits := 0
				for n := 1; ; n++ {
					require.Less(t, n, callsMost)
					injected := h.inject(t, verb, call, n)
					if injected == 0 {
						break
					}
					hits += injected
					if testing.Short() && n == 4 {
						break
					}
				}
				t.Logf("%d calls failed", hits)
				if call != "unlinkat" { // which there may be nothing for
					assert.NotZero(t, hits)
				}
			})
		}
	}
}

// inject runs a verb on a new state whose nth call fails, and a plain one after
// it, which must put all right. It returns how many calls failed.
func (h *host) inject(t *testing.T, verb, call string, n int) int {
	t.Helper()
	for _, name := range []string{"state", "hook.log", "trace"} {
		require.NoError(t, os.RemoveAll(filepath.Join(h.Dir, name)))
	}
	h.IP(t, "rule flush protocol 110")
	index := h.index(t, "flap0")
	var event hostnet.Event
	if verb == "run-hooks" {
		event = h.spool(t, index)
	}
	trace := filepath.Join(h.Dir, "trace")
	cmd := h.Command(arguments(verb)...)
	cmd = exec.Command("strace", append([]string{
		"-f", "-qq", "-y", "-o", trace, "-E", "GOMAXPROCS=1", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:error=ENOSPC:when=%d", call, n),
	}, cmd.Args...)...)
	stderr := h.finish(t, verb, cmd)
	what := fmt.Sprintf("%s, %s number %d", verb, call, n)
	injected := strings.Split(strings.TrimSpace(h.injected()), "\n")
	if injected[0] == "" {
		return 0
	}
	judged := h.onState(injected)
	if judged {
		assert.NotRegexp(t, `panic|goroutine \d|fatal error`, stderr, what)
		assert.Contains(t, []int{0, 1, 3, 75}, cmd.ProcessState.ExitCode(), "%s: %s\n%s", what, stderr, h.injected())
		if cmd.ProcessState.ExitCode() == 1 {
			assert.Len(t, errorLines(stderr), 1, "%s: one line tells of the error\n%s", what, stderr)
		}
	}

	// A plain run puts all right.
	plain := h.Command(arguments(verb)...)
	stderr = h.finish(t, verb, plain)
	require.Zero(t, plain.ProcessState.ExitCode(), "%s, afterwards: %s", what, stderr)
	switch verb {
	case "run-hooks":
		if judged { // else it may have been the script's own call
			assert.Contains(t, h.read("hook.log"), event.ID, "%s: the event is lost\n%s", what, h.injected())
		}
		assert.Empty(t, h.list("events"), what)
		assert.Empty(t, h.list("hooks/json"), what)
	case "apply-rules":
		steps, _, status := h.run(t, "apply-rules", "--dry-run")
		assert.Zero(t, status, what)
		assert.Empty(t, steps, what)
	case "watch":
		spooled := strings.Join(h.list("events"), " ")
		assert.Regexp(t, fmt.Sprintf(`\d+-links-%d\.json`, index), spooled, "%s: the link was not told of", what)
		assert.Regexp(t, fmt.Sprintf(`\d+-state-%d\.json`, index), spooled, "%s: its state was not told of", what)
		assert.Contains(t, h.list("rules-pending"), fmt.Sprint(index), what)
	}
	h.noTemporaries(t, what)
	return len(injected)
}

// errorLines are those that tell of an error; a hint is none.
func errorLines(stderr string) []string {
	return slices.DeleteFunc(strings.Split(stderr, "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "netbrk: ") || strings.HasPrefix(line, "netbrk: hint: ")
	})
}

// arguments have the watcher leave what there is to do to others.
func arguments(verb string) []string {
	if verb == "watch" {
		return []string{"watch", "--dispatch=units"}
	}
	return []string{verb}
}

// spool has one event wait, by the writer that the watcher has.
func (h *host) spool(t *testing.T, index int) hostnet.Event {
	t.Helper()
	s, _, err := state.OpenSpool(h.State)
	require.NoError(t, err)
	ev, err := s.Put(hostnet.Event{
		Kind: hostnet.KindState, Index: index, Link: "flap0", Time: time.Now(),
		Property: hostnet.OperationalState, State: "routable", Previous: "carrier",
	})
	require.NoError(t, err)
	return ev
}

// finish runs netbrk until it ends, or has done what it is there for and is told
// to end.
func (h *host) finish(t *testing.T, verb string, cmd *exec.Cmd) (stderr string) {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	h.Do(t, func() { require.NoError(t, cmd.Start()) })
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	deadline := time.After(10 * time.Second) // it waits in vain for what a failed call did not do
	for done := false; ; {
		select {
		case <-ended:
			return errs.String()
		case <-deadline:
			done = true
			deadline = nil
		case <-time.After(pollEvery):
		}
		if done || h.finished(t, verb) {
			for _, p := range h.processes() {
				p.signal(unix.SIGTERM)
			}
		}
	}
}

func (h *host) finished(t *testing.T, verb string) bool {
	t.Helper()
	switch verb {
	case "run-hooks":
		entries, err := os.ReadDir(filepath.Join(h.State, "events"))
		return err == nil && len(entries) == 0
	case "watch":
		for _, index := range []int{0, h.index(t, "flap0"), h.index(t, "peer0")} {
			if _, err := os.Stat(filepath.Join(h.State, "links", fmt.Sprintf("%d.json", index))); err != nil {
				return false
			}
		}
		return true
	}
	return false
}

// injected are the calls that failed by us.
func (h *host) injected() string {
	var lines []string
	for line := range strings.Lines(h.read("trace")) {
		if strings.Contains(line, "(INJECTED)") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// onState tells whether all of the calls were on the state: Go's own, such as
// a wake by eventfd(2), cannot fail for want of space.
func (h *host) onState(calls []string) bool {
	for _, line := range calls {
		if !strings.Contains(line, h.State) {
			return false
		}
	}
	return true
}

func (h *host) noTemporaries(t *testing.T, what string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(h.root+h.State, func(path string, e os.DirEntry, err error) error {
		assert.False(t, strings.HasSuffix(path, ".tmp"), "%s: %s is left over", what, path)
		return err
	}))
}
