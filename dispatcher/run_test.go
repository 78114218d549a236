package dispatcher

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
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

// bench is a directory with scripts and the fifos they talk to the test by.
type bench struct {
	tree
	runner *Runner
	clock  clock
}

func newBench(t *testing.T) bench {
	r := NewRunner(time.Minute)
	return bench{tree: newTree(t), runner: r, clock: newClock(r)}
}

// hook writes a script for /bin/sh; D in it is the bench's directory.
func (b bench) hook(body string) Hook {
	path := b.file("hook", "#!/bin/sh\n"+body, 0o755)
	return Hook{Path: path, Target: path, Name: "hook", Directory: "routable.d"}
}

func (b bench) job(body string) Job {
	return Job{Hook: b.hook(body), Env: []string{basicPath, "D=" + b.path}}
}

// run runs a script that ends by itself.
func (b bench) run(body string) Result { return b.runner.Run(b.t.Context(), b.job(body)) }

// start runs a script beside the test.
func (b bench) start(ctx context.Context, body string) <-chan Result {
	ended := make(chan Result, 1)
	job := b.job(body)
	go func() { ended <- b.runner.Run(ctx, job) }()
	return ended
}

// fifo makes a fifo that both sides may open at once: the test holds it open.
func (b bench) fifo(name string) *os.File {
	b.t.Helper()
	require.NoError(b.t, unix.Mkfifo(b.at(name), 0o600))
	f, err := os.OpenFile(b.at(name), os.O_RDWR, 0)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { f.Close() })
	return f
}

// line waits for a line that a script writes into a fifo.
func (b bench) line(f *os.File) string {
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

func (b bench) pid(f *os.File) int {
	b.t.Helper()
	pid, err := strconv.Atoi(b.line(f))
	require.NoError(b.t, err)
	return pid
}

// ends waits until no process holds the fifo for writing any more.
func (b bench) ends(name string, script <-chan Result) Result {
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

func TestRun(t *testing.T) {
	tests := []struct {
		name, body string
		want       Result
		failed     bool
	}{
		{
			name: "both streams in order",
			body: "echo out; echo err >&2; echo out again",
			want: Result{ExitStatus: exit(0), Output: "out\nerr\nout again\n", OutputBytes: 18},
		},
		{
			name: "silent",
			body: "",
			want: Result{ExitStatus: exit(0)},
		},
		{
			name:   "failing",
			body:   "echo no >&2; exit 3",
			want:   Result{ExitStatus: exit(3), Output: "no\n", OutputBytes: 3},
			failed: true,
		},
		{
			name:   "killed, as for lack of memory",
			body:   "kill -KILL $$",
			want:   Result{Signal: "SIGKILL"},
			failed: true,
		},
		{
			name:   "crashed",
			body:   "ulimit -c 0; kill -SEGV $$",
			want:   Result{Signal: "SIGSEGV"},
			failed: true,
		},
		{
			name: "in / with nothing to read",
			body: "pwd; cat; readlink /proc/self/fd/0",
			want: Result{ExitStatus: exit(0), Output: "/\n/dev/null\n", OutputBytes: 12},
		},
		{
			name: "in a process group of its own",
			body: `read -r _ _ _ _ group _ </proc/$$/stat; [ "$group" = $$ ] && echo leader`,
			want: Result{ExitStatus: exit(0), Output: "leader\n", OutputBytes: 7},
		},
		{
			name: "bytes that are no text",
			body: `printf 'gr\374n \303\274 \377\376!'`,
			want: Result{ExitStatus: exit(0), Output: "gr?n ü ?!", OutputBytes: 11},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newBench(t).run(tt.body)
			tt.want.Hook, tt.want.Name, tt.want.Directory = got.Hook, "hook", "routable.d"
			assert.Equal(t, tt.want, fixed(got))
			assert.Equal(t, tt.failed, got.Failed())
		})
	}
}

func TestRunTellsWhatItRan(t *testing.T) {
	b := newBench(t)
	job := b.job("exit 0")
	job.Link = "eth0"
	job.Event = hostnet.Event{ID: "b-7", Seq: 7, Index: 131}
	before := time.Now()
	got := b.runner.Run(t.Context(), job)
	assert.WithinRange(t, got.Start, before, time.Now())
	assert.Positive(t, got.Duration)
	assert.Equal(t, Result{
		Hook: job.Hook.Path, Name: "hook", Directory: "routable.d", Link: "eth0", Index: 131,
		EventID: "b-7", Seq: 7, ExitStatus: exit(0),
	}, fixed(got))
}

func TestRunHandsOverTheEnvironmentAndNothingElse(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	b := newBench(t)
	env, err := filepath.EvalSymlinks("/usr/bin/env") // a program prints no more than it got, a shell does
	require.NoError(t, err)
	job := Job{Hook: Hook{Path: env, Target: env}, Env: []string{"LINK=eth0", "JSON={\"a b\":\"$(id)\"}"}}
	assert.Equal(t, "LINK=eth0\nJSON={\"a b\":\"$(id)\"}\n", b.runner.Run(t.Context(), job).Output)
	job.Env = nil
	assert.Equal(t, "", b.runner.Run(t.Context(), job).Output)
}

func TestRunHandsOverTheLongestEnvironment(t *testing.T) {
	long := strings.Repeat("x", maxValue)
	env, omitted := Environ(Input{
		JSON: []byte(strings.Repeat("j", maxArgStrlen-len("JSON=\x00"))), Lease: long, DNS: long, Domain: long, JSONFile: long,
	})
	require.Empty(t, omitted)
	b := newBench(t)
	job := b.job(`echo ${#JSON} ${#DHCP_LEASE}`)
	job.Env = env
	assert.Equal(t, fmt.Sprintln(maxArgStrlen-6, maxValue), b.runner.Run(t.Context(), job).Output)
}

func TestRunByTheNameItsOwnerKnows(t *testing.T) {
	b := newBench(t)
	shell, err := filepath.EvalSymlinks("/bin/sh")
	require.NoError(t, err)
	// A program that looks at its name, as multicall binaries do: here sh, for
	// which a name that begins with "-" would be a login shell.
	job := Job{Hook: Hook{Path: b.link("10-tool", shell), Target: shell}, Env: []string{"PS4=", basicPath}}
	assert.Equal(t, exit(0), b.runner.Run(t.Context(), job).ExitStatus)

	link := b.link("20-x", b.hook(`echo "$0"`).Path)
	job.Hook = Hook{Path: link, Target: b.at("hook")}
	assert.Equal(t, b.at("hook")+"\n", b.runner.Run(t.Context(), job).Output)
}

func TestRunWithoutInterpreterLine(t *testing.T) {
	b := newBench(t)
	path := b.file("plain", "echo \"run by sh: $0 $#\"\nexit 4\n", 0o755)
	got := b.runner.Run(t.Context(), Job{Hook: Hook{Path: path, Target: path}})
	assert.Equal(t, "run by sh: "+path+" 0\n", got.Output)
	assert.Equal(t, exit(4), got.ExitStatus)
}

func TestRunWhatCannotStart(t *testing.T) {
	tests := []struct {
		name, content, want string
	}{
		{"a binary for another machine", "\x7fELF\x02\x01\x01\x00\x00echo bad", "it is neither a script nor a program for this machine"},
		{"no such interpreter", "#! /no/such/perl -w\n", `its interpreter "/no/such/perl -w" is not there`},
		{"line ends of DOS", "#!/bin/sh\r\necho\r\n", `its interpreter "/bin/sh\r" is not there`},
		{"an interpreter that is a directory", "#!/\n", "permission denied"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			path := b.file("hook", tt.content, 0o755)
			got := b.runner.Run(t.Context(), Job{Hook: Hook{Path: path, Target: path}})
			assert.Equal(t, Result{Hook: path, Error: fmt.Sprintf("starting %q: %s", path, tt.want)}, fixed(got))
			assert.True(t, got.Failed())
		})
	}
}

func TestRunVanished(t *testing.T) {
	b := newBench(t)
	job := b.job("echo never")
	require.NoError(t, os.Remove(job.Hook.Path))
	got := b.runner.Run(t.Context(), job)
	assert.True(t, got.Vanished)
	assert.Contains(t, got.Error, "it vanished before it could start")
	assert.False(t, got.Failed(), "its owner removed it")

	job.Hook.Target = filepath.Join(b.file("file", "", 0o644), "hook")
	assert.True(t, b.runner.Run(t.Context(), job).Vanished, "a directory that became a file")
}

func TestRunKeepsTheEndOf100MB(t *testing.T) {
	b := newBench(t)
	got := b.run("head -c 100000000 /dev/zero | tr '\\0' x; printf end")
	assert.Equal(t, int64(100_000_003), got.OutputBytes)
	assert.Equal(t, strings.Repeat("x", maxOutput-3)+"end", got.Output)
	assert.Equal(t, exit(0), got.ExitStatus)
}

func TestRunThatClosesItsOutput(t *testing.T) {
	b := newBench(t)
	ready, more := b.fifo("ready"), b.fifo("more")
	ended := b.start(t.Context(), "echo before; exec >&- 2>&-; echo >$D/ready; read x <$D/more; exit 7")
	b.line(ready)
	fmt.Fprintln(more)
	got := <-ended
	assert.Equal(t, exit(7), got.ExitStatus, "the end of its output is not its own")
	assert.Equal(t, "before\n", got.Output)
}

func TestRunThatLeavesAProcessBehind(t *testing.T) {
	b := newBench(t)
	more, done := b.fifo("more"), b.fifo("done")
	// The shell left behind keeps stdout, and would die of SIGPIPE if that led
	// nowhere, or hang if nobody read it.
	got := b.run(`(read x <$D/more; head -c 200000 /dev/zero; echo late; echo alive >$D/done) &
		echo early`)
	assert.Equal(t, "early\n", got.Output)
	assert.Equal(t, exit(0), got.ExitStatus)
	fmt.Fprintln(more)
	assert.Equal(t, "alive", b.line(done))
}

func TestRunThatLeavesAFloodBehind(t *testing.T) {
	b := newBench(t)
	pidFile := b.fifo("pid")
	got := b.run("echo early; yes & echo $! >$D/pid")
	pid := b.pid(pidFile)
	defer unix.Kill(pid, unix.SIGKILL)
	assert.Equal(t, exit(0), got.ExitStatus)
	assert.NoError(t, unix.Kill(pid, 0), "its process lives on")
}

func TestRunReadsOnForSoManyOnly(t *testing.T) {
	b := newBench(t)
	b.runner.drains = make(chan struct{}, 1)
	more, done := b.fifo("more"), b.fifo("done")
	body := `(trap '' PIPE; read x <$D/more; echo late || echo broken >$D/done; echo over >$D/done) 2>/dev/null &`
	b.run(body)
	b.run(body) // one too many: its pipe is closed
	fmt.Fprintln(more)
	fmt.Fprintln(more)
	lines := []string{b.line(done), b.line(done), b.line(done)}
	assert.ElementsMatch(t, []string{"broken", "over", "over"}, lines)
}

func TestRunTimesOut(t *testing.T) {
	b := newBench(t)
	ready := b.fifo("ready")
	ended := b.start(t.Context(), "echo start; echo >$D/ready; sleep 1000")
	b.line(ready)
	b.clock.fire()
	got := <-ended
	assert.True(t, got.TimedOut)
	assert.True(t, got.Failed())
	assert.Equal(t, "SIGTERM", got.Signal)
	assert.Equal(t, "start\n", got.Output)
}

func TestRunTimesOutAndCleansUp(t *testing.T) {
	b := newBench(t)
	ready := b.fifo("ready")
	ended := b.start(t.Context(), `trap 'echo cleaned; exit 5' TERM
		echo >$D/ready; while :; do sleep 0.01; done`)
	b.line(ready)
	b.clock.fire()
	got := <-ended
	assert.True(t, got.TimedOut)
	assert.Equal(t, exit(5), got.ExitStatus)
	assert.Contains(t, got.Output, "cleaned\n") // dash tells of its sleep's end, too
}

func TestRunThatIgnoresTERM(t *testing.T) {
	b := newBench(t)
	ready, heard := b.fifo("ready"), b.fifo("heard")
	ended := b.start(t.Context(), `trap 'echo >$D/heard' TERM
		echo >$D/ready; while :; do sleep 0.01; done`)
	b.line(ready)
	b.clock.fire()
	b.line(heard)
	b.clock.fire() // the grace
	got := <-ended
	assert.True(t, got.TimedOut)
	assert.Equal(t, "SIGKILL", got.Signal)
	assert.Empty(t, got.Error)
}

// TestRunEndsTheWholeGroup: what a script started ends with it, also when the
// script is gone at the first signal and its process is not.
func TestRunEndsTheWholeGroup(t *testing.T) {
	t.Run("by TERM", func(t *testing.T) {
		b := newBench(t)
		require.NoError(t, unix.Mkfifo(b.at("held"), 0o600))
		ended := b.start(t.Context(), "exec 3>$D/held; sleep 1000 & sleep 1000")
		assert.True(t, b.ends("held", ended).TimedOut)
	})
	t.Run("by KILL", func(t *testing.T) {
		b := newBench(t)
		heard, ready := b.fifo("heard"), b.fifo("ready")
		require.NoError(t, unix.Mkfifo(b.at("held"), 0o600))
		ended := b.start(t.Context(), `echo $$ >$D/ready; (trap 'echo >$D/heard' TERM; echo >$D/heard; while :; do sleep 0.01; done) 3>$D/held &
			sleep 1000`)
		pid := b.pid(ready)
		f, err := os.Open(b.at("held"))
		require.NoError(t, err)
		defer f.Close()
		b.line(heard) // the trap is set
		b.clock.fire()
		b.line(heard) // TERM came
		// To the script as well: of two signals that wait, KILL is taken first.
		require.NoError(t, unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
		b.clock.fire()
		assert.Equal(t, "SIGTERM", (<-ended).Signal)
		_, err = io.Copy(io.Discard, f)
		assert.NoError(t, err)
	})
}

// TestRunGivesTheGroupItsGrace: a process that cleans up is not killed because
// the script that started it, a shell without a trap, is gone.
func TestRunGivesTheGroupItsGrace(t *testing.T) {
	b := newBench(t)
	heard, more, done := b.fifo("heard"), b.fifo("more"), b.fifo("done")
	ended := b.start(t.Context(), `(trap 'echo heard >$D/heard; read x <$D/more; echo cleaned >$D/done; exit' TERM
		echo ready >$D/heard; while :; do sleep 0.01; done) &
		sleep 1000`)
	b.line(heard)
	b.clock.fire()
	assert.Equal(t, "heard", b.line(heard))
	b.clock.pass() // the grace does not run out
	fmt.Fprintln(more)
	assert.Equal(t, "cleaned", b.line(done))
	assert.Equal(t, "SIGTERM", (<-ended).Signal)
}

func TestRunThatIsStopped(t *testing.T) {
	b := newBench(t)
	ready := b.fifo("ready")
	ended := b.start(t.Context(), "echo $$ >$D/ready; kill -STOP $$; sleep 1000")
	pid := b.pid(ready)
	require.NoError(t, unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil))
	b.clock.fire()
	assert.Equal(t, "SIGTERM", (<-ended).Signal, "it can hear only when it goes on")
}

func TestRunThatNoSignalEnds(t *testing.T) {
	b := newBench(t)
	ready, more := b.fifo("ready"), b.fifo("more")
	b.runner.kill = func(int, unix.Signal) error { return nil } // as for one in uninterruptible sleep
	ended := b.start(t.Context(), "echo stuck; echo $$ >$D/ready; read x <$D/more")
	pid := b.pid(ready)
	b.clock.fire()
	b.clock.fire()
	b.clock.fire()
	got := <-ended
	assert.Equal(t, fmt.Sprintf("ending process %d: it does not obey SIGKILL", pid), got.Error)
	assert.True(t, got.TimedOut)
	assert.Nil(t, got.ExitStatus)
	assert.Equal(t, "stuck\n", got.Output)
	fmt.Fprintln(more)
}

func TestRunInterrupted(t *testing.T) {
	b := newBench(t)
	ready := b.fifo("ready")
	ctx, cancel := context.WithCancel(t.Context())
	ended := b.start(ctx, "echo >$D/ready; sleep 1000")
	b.line(ready)
	cancel()
	got := <-ended
	assert.True(t, got.Interrupted)
	assert.False(t, got.TimedOut)
	assert.False(t, got.Failed())
	assert.Equal(t, "SIGTERM", got.Signal)

	got = b.runner.Run(ctx, b.job("echo never"))
	assert.True(t, got.Interrupted)
	assert.Empty(t, got.Output)
	assert.Nil(t, got.ExitStatus)
}

// TestRunAllGoesOn: no script stops the next, whatever becomes of it.
func TestRunAllGoesOn(t *testing.T) {
	b := newBench(t)
	var hooks []Hook
	for i, content := range []string{
		"#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -KILL $$\n", "#!/nowhere\n", "\x00binary", "", "#!/bin/sh\nsleep 1000 &\necho $!\n",
		"#!/bin/sh\nexec >&- 2>&-\n", "echo no interpreter\n",
	} {
		path := b.file(fmt.Sprintf("%d", i), content, 0o755)
		hooks = append(hooks, Hook{Path: path, Target: path, Name: filepath.Base(path)})
	}
	require.NoError(t, os.Remove(b.at("4")))
	last := b.file("last", "#!/bin/sh\necho last\n", 0o755)
	hooks = append(hooks, Hook{Path: last, Target: last, Name: "last"})
	var asked []string
	var results []Result
	handled := b.runner.RunAll(t.Context(), hooks, func(h Hook) Job {
		assert.Len(t, results, len(asked), "its environment is that of its own start")
		asked = append(asked, h.Name)
		return Job{Hook: h, Env: []string{basicPath}}
	}, func(r Result) { results = append(results, r) })
	assert.True(t, handled)
	require.Len(t, results, len(hooks))
	left, err := strconv.Atoi(strings.TrimSpace(results[5].Output))
	require.NoError(t, err)
	assert.NoError(t, unix.Kill(left, unix.SIGKILL))
	assert.Equal(t, "last\n", results[len(hooks)-1].Output)
}

func TestRunAllStopsWhenInterrupted(t *testing.T) {
	b := newBench(t)
	ready := b.fifo("ready")
	ctx, cancel := context.WithCancel(t.Context())
	hook := b.hook("echo >$D/ready; sleep 1000")
	var results []Result
	go func() {
		b.line(ready)
		cancel()
	}()
	job := func(h Hook) Job { return Job{Hook: h, Env: []string{basicPath, "D=" + b.path}} }
	handled := b.runner.RunAll(ctx, []Hook{hook, hook}, job, func(r Result) { results = append(results, r) })
	assert.False(t, handled)
	assert.Len(t, results, 1)
	assert.False(t, b.runner.RunAll(ctx, []Hook{hook}, job, nil))
	assert.True(t, b.runner.RunAll(t.Context(), nil, nil, nil))
}
