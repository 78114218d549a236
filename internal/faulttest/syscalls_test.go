package faulttest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// stateCalls are the system calls by which state is made, locked, written, replaced
// and looked at.
var stateCalls = []string{
	"mkdirat", "fchmodat", "openat", "flock", "fstat", "newfstatat", "getdents64",
	"fchmod", "write", "fsync", "close", "renameat", "unlinkat",
}

// errnos are what they fail with: a full file system, a broken one, and one that the
// kernel closed to writing because it is broken.
var errnos = []string{"ENOSPC", "EIO", "EROFS"}

// TestSystemCallsFail has each system call on the state fail in turn, by strace(1),
// each kind with each error; in the short form some of each kind, with one of the
// errors. Which there are a first run tells. strace counts by thread: as there is one
// for Go code at a time, the first, second and so on of nearly all threads.
func TestSystemCallsFail(t *testing.T) {
	for name, newVerb := range verbs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVerb(t)
			made := v.record(t)
			for i, call := range stateCalls {
				if slices.Contains(v.never, call) {
					assert.Zero(t, made.most[call], "%s on the state", call)
					continue
				}
				failed := 0
				for j, errno := range errnos {
					if testing.Short() && j != (i+len(name))%len(errnos) {
						continue
					}
					t.Run(call+" "+errno, func(t *testing.T) { failed += v.failEach(t, call, errno, made) })
				}
				assert.NotZero(t, failed, "%s never failed on the state", call)
			}
		})
	}
}

// failEach has calls of a kind on the state fail, each in a run of its own, and returns
// how many did: Go's threads may share them out otherwise than in the first run, so
// that none makes the last ones.
func (v verb) failEach(t *testing.T, call, errno string, made calls) (judged int) {
	t.Helper()
	numbers := []int{1, max(2, made.most[call])} // from two parts of the run
	if !testing.Short() {
		numbers = nil
		for n := 1; n <= made.most[call]; n++ { // of many, each with one of the errors
			if made.most[call] <= len(errnos) || errnos[n%len(errnos)] == errno {
				numbers = append(numbers, n)
			}
		}
	}
	for _, n := range numbers {
		judged += v.inject(t, call, errno, n, made.paths)
	}
	t.Logf("%d calls on the state failed", judged)
	return judged
}

// trace runs the verb under strace on a new state.
func (v verb) trace(t *testing.T, words ...string) (stderr string, status int) {
	t.Helper()
	for _, name := range []string{"state", "hook.log", "trace"} {
		require.NoError(t, os.RemoveAll(filepath.Join(v.Dir, name)))
	}
	v.prepare(t)
	words = append([]string{"-f", "-qq", "-y", "-o", filepath.Join(v.Dir, "trace"), "-E", "GOMAXPROCS=1"}, words...)
	cmd := exec.Command("strace", append(words, v.Command(v.args...).Args...)...)
	stderr = v.finish(t, cmd)
	return stderr, cmd.ProcessState.ExitCode()
}

// calls are those that a run made on its state.
type calls struct {
	most  map[string]int // of each kind, how many one thread made
	paths []string       // what they were on
}

var (
	tracedCall = regexp.MustCompile(`^(\d+) +([a-z0-9]+)\(`)
	tracedPath = regexp.MustCompile(`[<"]([^<>"]+)[>"]`)
)

// record has a run without a fault tell which calls it makes on its state.
func (v verb) record(t *testing.T) calls {
	t.Helper()
	stderr, status := v.trace(t, "-e", "trace="+strings.Join(stateCalls, ","))
	require.Zero(t, status, stderr)
	v.right(t, "without a fault")
	made, byThread := calls{most: map[string]int{}}, map[string]int{}
	for line := range strings.Lines(v.read("trace")) {
		m := tracedCall.FindStringSubmatch(line)
		if m == nil || !strings.Contains(line, v.State) {
			continue
		}
		byThread[m[1]+m[2]]++
		made.most[m[2]] = max(made.most[m[2]], byThread[m[1]+m[2]])
		for _, path := range tracedPath.FindAllStringSubmatch(line, -1) {
			if strings.HasPrefix(path[1], v.State) && !slices.Contains(made.paths, path[1]) {
				made.paths = append(made.paths, path[1])
			}
		}
	}
	return made
}

// inject runs the verb on a new state where each thread's nth call on one of the
// paths fails, and a plain run after it, which must put all right. Go's own calls,
// such as a wake by eventfd(2), are on none of them: those cannot fail for want of
// space. It returns how many calls failed.
func (v verb) inject(t *testing.T, call, errno string, n int, paths []string) (judged int) {
	t.Helper()
	words := []string{"-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", call, errno, n)}
	for _, path := range paths {
		// What frees a lock does that whatever it returns, close(2), and strace
		// leaves out the call that it has fail.
		if call != "close" || !strings.HasSuffix(path, ".lock") {
			words = append(words, "-P", path)
		}
	}
	stderr, status := v.trace(t, words...)
	failed := v.injected()
	if len(failed) == 0 {
		return 0
	}
	what := fmt.Sprintf("%s number %d, %s:\n%s\nnetbrk: %s", call, n, errno, strings.Join(failed, "\n"), stderr)
	for _, line := range failed {
		if !strings.Contains(line, "resumed>") { // its paths stand in another line
			assert.Contains(t, line, v.State, what)
		}
	}
	assert.NotRegexp(t, `panic|goroutine \d|fatal error`, stderr, what)
	assert.Contains(t, []int{0, 1, 3, 75}, status, what)
	if status == 1 {
		assert.Len(t, errorLines(stderr), 1, "one line tells of the error: %s", what)
	}
	plain := v.Command(v.args...)
	stderr = v.finish(t, plain)
	require.Zero(t, plain.ProcessState.ExitCode(), "%s\nafterwards: %s", what, stderr)
	v.right(t, what)
	v.noTemporaries(t, what)
	return len(failed)
}

// errorLines are those that tell of an error; a hint is none.
func errorLines(stderr string) []string {
	return slices.DeleteFunc(strings.Split(stderr, "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "netbrk: ") || strings.HasPrefix(line, "netbrk: hint: ")
	})
}

// finish runs netbrk until it ends, or has done what it is there for and is told
// to end.
func (v verb) finish(t *testing.T, cmd *exec.Cmd) (stderr string) {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	v.Do(t, func() { require.NoError(t, cmd.Start()) })
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	deadline := time.After(10 * time.Second) // it waits in vain for what a failed call did not do
	stuck := time.After(patience)
	for done := false; ; {
		select {
		case <-ended:
			return errs.String()
		case <-deadline:
			done = true
			deadline = nil
		case <-stuck:
			_ = cmd.Process.Kill() // and what it traces, PTRACE_O_EXITKILL of ptrace(2)
			require.Fail(t, "told to end, it does not", errs.String())
		case <-time.After(pollEvery):
		}
		if done || v.finished() {
			v.terminate()
		}
	}
}

// terminate tells every netbrk of the host to end.
func (h *host) terminate() {
	for _, p := range h.processes() {
		p.signal(unix.SIGTERM)
	}
}

// injected are the calls that failed by us.
func (h *host) injected() []string {
	var lines []string
	for line := range strings.Lines(h.read("trace")) {
		if strings.Contains(line, "(INJECTED)") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func (h *host) noTemporaries(t *testing.T, what string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(h.root+h.State, func(path string, e os.DirEntry, err error) error {
		assert.False(t, strings.HasSuffix(path, ".tmp"), "%s: %s is left over", what, path)
		return err
	}))
}
