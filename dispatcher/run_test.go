package dispatcher

import (
	"fmt"
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
			got := newWorkbench(t).run(tt.body)
			tt.want.Hook, tt.want.Name, tt.want.Directory = got.Hook, "hook", "routable.d"
			assert.Equal(t, tt.want, fixed(got))
			assert.Equal(t, tt.failed, got.Failed())
		})
	}
}

func TestRunTellsWhatItRan(t *testing.T) {
	b := newWorkbench(t)
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

// TestRunTellsThatItStarted: while the script runs, which waits for that here.
func TestRunTellsThatItStarted(t *testing.T) {
	b := newWorkbench(t)
	fifo := b.at("fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	job := b.job("read -r line <" + fifo + "; echo $line")
	job.Started = func() { require.NoError(t, os.WriteFile(fifo, []byte("started\n"), 0)) }
	assert.Equal(t, "started\n", b.runner.Run(t.Context(), job).Output)

	job.Hook.Target, job.Hook.Path = b.at("none"), b.at("none")
	job.Started = func() { assert.Fail(t, "there is no such script") }
	assert.True(t, b.runner.Run(t.Context(), job).Vanished)
}

func TestRunHandsOverTheEnvironmentAndNothingElse(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	b := newWorkbench(t)
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
	b := newWorkbench(t)
	job := b.job(`echo ${#JSON} ${#DHCP_LEASE}`)
	job.Env = env
	assert.Equal(t, fmt.Sprintln(maxArgStrlen-6, maxValue), b.runner.Run(t.Context(), job).Output)
}

func TestRunByTheNameItsOwnerKnows(t *testing.T) {
	b := newWorkbench(t)
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
	b := newWorkbench(t)
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
			b := newWorkbench(t)
			path := b.file("hook", tt.content, 0o755)
			got := b.runner.Run(t.Context(), Job{Hook: Hook{Path: path, Target: path}})
			assert.Equal(t, Result{Hook: path, Error: fmt.Sprintf("starting %q: %s", path, tt.want)}, fixed(got))
			assert.True(t, got.Failed())
		})
	}
}

func TestRunVanished(t *testing.T) {
	b := newWorkbench(t)
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
	b := newWorkbench(t)
	got := b.run("head -c 100000000 /dev/zero | tr '\\0' x; printf end")
	assert.Equal(t, int64(100_000_003), got.OutputBytes)
	assert.Equal(t, strings.Repeat("x", maxOutput-3)+"end", got.Output)
	assert.Equal(t, exit(0), got.ExitStatus)
}

func TestRunThatClosesItsOutput(t *testing.T) {
	b := newWorkbench(t)
	ready, more := b.fifo("ready"), b.fifo("more")
	ended := b.start(t.Context(), "echo before; exec >&- 2>&-; echo >$D/ready; read x <$D/more; exit 7")
	b.line(ready)
	fmt.Fprintln(more)
	got := <-ended
	assert.Equal(t, exit(7), got.ExitStatus, "the end of its output is not its own")
	assert.Equal(t, "before\n", got.Output)
}

func TestRunThatLeavesAProcessBehind(t *testing.T) {
	b := newWorkbench(t)
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
	b := newWorkbench(t)
	pidFile := b.fifo("pid")
	got := b.run("echo early; yes & echo $! >$D/pid")
	pid := b.pid(pidFile)
	defer unix.Kill(pid, unix.SIGKILL)
	assert.Equal(t, exit(0), got.ExitStatus)
	assert.NoError(t, unix.Kill(pid, 0), "its process lives on")
}

func TestRunReadsOnForSoManyOnly(t *testing.T) {
	b := newWorkbench(t)
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

// TestRunAllGoesOn: no script stops the next, whatever becomes of it.
func TestRunAllGoesOn(t *testing.T) {
	b := newWorkbench(t)
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
