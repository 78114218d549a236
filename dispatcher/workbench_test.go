package dispatcher

import (
	"context"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// clock hands a Runner its timers: first the timeout's, then the grace's, then
// the one after SIGKILL. Each fires when the test says so, never by itself.
type clock struct{ timers chan chan time.Time }

func newClock(r *Runner) clock {
	c := clock{timers: make(chan chan time.Time, 100)}
	r.after = func(time.Duration) <-chan time.Time {
		timer := make(chan time.Time, 1)
		c.timers <- timer
		return timer
	}
	return c
}

// fire waits until the next timer is set, and lets it run out.
func (c clock) fire() { <-c.timers <- time.Time{} }

// pass waits until the next timer is set, and lets it be.
func (c clock) pass() { <-c.timers }

// workbench is a directory with scripts and the fifos they talk to the test by.
type workbench struct {
	tree
	runner *Runner
	clock  clock
}

func newWorkbench(t *testing.T) workbench {
	r := NewRunner(time.Minute)
	return workbench{tree: newTree(t), runner: r, clock: newClock(r)}
}

// hook writes a script for /bin/sh; D in it is the workbench's directory.
func (b workbench) hook(body string) Hook {
	path := b.file("hook", "#!/bin/sh\n"+body, 0o755)
	return Hook{Path: path, Target: path, Name: "hook", Directory: "routable.d"}
}

func (b workbench) job(body string) Job {
	return Job{Hook: b.hook(body), Env: []string{basicPath, "D=" + b.path}}
}

// run runs a script that ends by itself.
func (b workbench) run(body string) Result { return b.runner.Run(b.t.Context(), b.job(body)) }

// start runs a script beside the test.
func (b workbench) start(ctx context.Context, body string) <-chan Result {
	ended := make(chan Result, 1)
	job := b.job(body)
	go func() { ended <- b.runner.Run(ctx, job) }()
	return ended
}

// fifo makes a fifo that both sides may open at once: the test holds it open.
func (b workbench) fifo(name string) *os.File {
	b.t.Helper()
	require.NoError(b.t, unix.Mkfifo(b.at(name), 0o600))
	f, err := os.OpenFile(b.at(name), os.O_RDWR, 0)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { f.Close() })
	return f
}

// line waits for a line that a script writes into a fifo.
func (b workbench) line(f *os.File) string {
	b.t.Helper()
	var line []byte
	for one := make([]byte, 1); ; line = append(line, one[0]) {
		_, err := io.ReadFull(f, one)
		require.NoError(b.t, err)
		if one[0] == '\n' {
			return string(line)
		}
	}
}

func (b workbench) pid(f *os.File) int {
	b.t.Helper()
	pid, err := strconv.Atoi(b.line(f))
	require.NoError(b.t, err)
	return pid
}

// ends waits until no process holds the fifo for writing any more.
func (b workbench) ends(name string, script <-chan Result) Result {
	b.t.Helper()
	f, err := os.Open(b.at(name)) // returns when a writer is there
	require.NoError(b.t, err)
	defer f.Close()
	b.clock.fire() // the timeout
	result := <-script
	_, err = io.Copy(io.Discard, f)
	require.NoError(b.t, err)
	return result
}

func exit(code int) *int { return &code }

// fixed clears what differs from run to run.
func fixed(r Result) Result {
	r.Start, r.Duration = time.Time{}, 0
	return r
}
