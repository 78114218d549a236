package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// termGrace is how long a script has to end after SIGTERM, before SIGKILL.
	termGrace = 5 * time.Second

	// groupPoll is how often the process group of a script that was told to end,
	// and has, is looked at for others. The kernel does not tell of its end.
	groupPoll = 50 * time.Millisecond
	// maxDrains bounds the pipes that are read on for processes which outlive
	// their scripts.
	maxDrains = 64
)

// Runner runs scripts. It may be used from several goroutines.
type Runner struct {
	timeout time.Duration
	drains  chan struct{}
	// after and kill are time.After and unix.Kill but in tests.
	after func(time.Duration) <-chan time.Time
	kill  func(pid int, sig unix.Signal) error
}

// NewRunner returns a Runner that gives each script timeout to end.
func NewRunner(timeout time.Duration) *Runner {
	return &Runner{
		timeout: timeout,
		drains:  make(chan struct{}, maxDrains),
		after:   time.After,
		kill:    unix.Kill,
	}
}

// RunAll runs hooks one after another, whatever becomes of each. It asks job for
// what each is told when its turn comes, and hands every result to done. It
// reports whether all had their turn and came to an end of their own, or of the
// timeout's; else ctx was cancelled and the event must be kept.
func (r *Runner) RunAll(ctx context.Context, hooks []Hook, job func(Hook) Job, done func(Result)) (handled bool) {
	for _, h := range hooks {
		if ctx.Err() != nil {
			return false
		}
		result := r.Run(ctx, job(h))
		done(result)
		if result.Interrupted {
			return false
		}
	}
	return true
}

// Run runs one script to its end and returns what became of it. After the
// timeout, or when ctx is cancelled, its process group gets SIGTERM, and SIGKILL
// when that has not ended it within termGrace.
//
// The end of the script itself is what counts: processes that it leaves behind
// live on, and their output is read, and lost, as long as netbrk runs. They get
// SIGPIPE for writing after that, and systemd ends them with netbrk's service.
func (r *Runner) Run(ctx context.Context, job Job) Result {
	began := time.Now()
	result := newResult(job, began)
	if ctx.Err() != nil {
		result.Interrupted = true
		return result
	}
	p, err := start(job)
	if err != nil {
		result.Vanished = errors.Is(err, errVanished)
		result.Error = err.Error()
		return result
	}
	if job.Started != nil {
		job.Started()
	}
	r.await(ctx, p, &result)
	result.Duration = time.Since(began)
	if pipe := p.out.finish(); pipe != nil {
		r.drain(pipe)
	}
	result.Output, result.OutputBytes = p.out.tail.String(), p.out.tail.total
	return result
}

// await waits for the script's end, makes one where it does not come, and reaps
// the script.
func (r *Runner) await(ctx context.Context, p *process, result *Result) {
	select {
	case <-p.gone:
	case <-r.after(r.timeout):
		result.TimedOut = true
	case <-ctx.Done():
		result.Interrupted = true
	}
	if result.TimedOut || result.Interrupted {
		if err := r.end(p); err != nil {
			result.Error = err.Error()
			return
		}
	}
	// With files for output, Wait has nothing to wait for but the process, and
	// fails only to say what the status says.
	_ = p.cmd.Wait()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		result.setStatus(status)
	}
}

// end ends a script with its whole process group. It returns an error if not
// even SIGKILL does, as for a process stuck in a dead network file system.
func (r *Runner) end(p *process) error {
	pgid := p.cmd.Process.Pid
	r.signal(pgid, unix.SIGTERM)
	r.signal(pgid, unix.SIGCONT) // one that is stopped could not obey
	r.awaitGroup(p.gone, pgid, r.after(termGrace))
	r.signal(pgid, unix.SIGKILL)
	select {
	case <-p.gone:
		return nil
	case <-r.after(termGrace):
	}
	go func() { // reap it whenever it ends after all
		<-p.gone
		_ = p.cmd.Wait()
	}()
	return fmt.Errorf("ending process %d: it does not obey SIGKILL", pgid)
}

// signal sends sig to a process group. That it has no members left is fine.
func (r *Runner) signal(pgid int, sig unix.Signal) { _ = r.kill(-pgid, sig) }

// awaitGroup waits until a process group has ended, its leader first, or until
// grace is over: what SIGTERM made the leader's children do deserves its time
// though the leader, an untrapped shell, is gone at once.
func (r *Runner) awaitGroup(leader <-chan struct{}, pgid int, grace <-chan time.Time) {
	select {
	case <-leader:
	case <-grace:
		return
	}
	tick := time.NewTicker(groupPoll)
	defer tick.Stop()
	for groupLives(pgid) {
		select {
		case <-tick.C:
		case <-grace:
			return
		}
	}
}

// drain reads on for processes that outlive their script, so that they neither
// block nor get SIGPIPE. Past maxDrains they do.
func (r *Runner) drain(pipe *os.File) {
	select {
	case r.drains <- struct{}{}:
	default:
		pipe.Close()
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, pipe)
		pipe.Close()
		<-r.drains
	}()
}
