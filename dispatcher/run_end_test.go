package dispatcher

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRunTimesOut(t *testing.T) {
	b := newWorkbench(t)
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
	b := newWorkbench(t)
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
	b := newWorkbench(t)
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
		b := newWorkbench(t)
		require.NoError(t, unix.Mkfifo(b.at("held"), 0o600))
		ended := b.start(t.Context(), "exec 3>$D/held; sleep 1000 & sleep 1000")
		assert.True(t, b.ends("held", ended).TimedOut)
	})
	t.Run("by KILL", func(t *testing.T) {
		b := newWorkbench(t)
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
	b := newWorkbench(t)
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
	b := newWorkbench(t)
	ready := b.fifo("ready")
	ended := b.start(t.Context(), "echo $$ >$D/ready; kill -STOP $$; sleep 1000")
	pid := b.pid(ready)
	require.NoError(t, unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil))
	b.clock.fire()
	assert.Equal(t, "SIGTERM", (<-ended).Signal, "it can hear only when it goes on")
}

func TestRunThatNoSignalEnds(t *testing.T) {
	b := newWorkbench(t)
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
	b := newWorkbench(t)
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

func TestRunAllStopsWhenInterrupted(t *testing.T) {
	b := newWorkbench(t)
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
