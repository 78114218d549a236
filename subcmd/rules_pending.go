package subcmd

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/state"
)

// servePending makes a pass, and another one for whatever comes into
// rules-pending, until nothing has come for a while and nothing is held back.
// Within a burst, and while somebody contends, no process has to be started.
func (r *rulesRun) servePending(ctx context.Context) error {
	lock, err := state.LockRulesQueue(ctx, r.stateDir, func() {
		r.log.Info("another netbrk apply-rules is at work and is waited for", "pid", state.RulesQueueHolder(r.stateDir).PID)
	})
	if ctx.Err() != nil {
		return nil // told to end while another one was at it
	}
	if err != nil {
		return needRoot(err)
	}
	defer lock.Unlock()
	queue, err := state.OpenRulesQueue(r.stateDir, r.log)
	if errors.Is(err, fs.ErrNotExist) {
		return r.once(ctx, false) // no watcher has been here, but the timer has
	}
	if err != nil {
		return err
	}
	defer queue.Close()

	began, partial := time.Now(), false
	for {
		if err := queue.Take(); err != nil {
			return needRoot(err)
		}
		before := computed()
		result, err := r.pass(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil // told to end; the next run looks at everything again
			}
			return err
		}
		partial = result.Partial()
		select {
		case <-ctx.Done():
		case <-time.After(restAfter(computed()-before, len(result.Steps)+len(result.LinkSteps))):
		}
		more, err := queue.Wait(ctx, waitFor(result.RetryAt))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !more && result.RetryAt.IsZero(), time.Since(began) > drainFor:
			if partial {
				return errPartial
			}
			return nil
		}
	}
}

const (
	// longPass is what a pass computes longer than where it reads a router's full
	// table.
	longPass = 200 * time.Millisecond
	// restFor is how many times as long as such a pass the rest after it is.
	restFor = 4
)

// restAfter is how long to rest after a pass. Where a routing daemon changes the
// main table again and again, each change asks for a pass that reads a million
// routes and finds nothing to do: those have a quarter of a CPU at most.
func restAfter(took time.Duration, steps int) time.Duration {
	if steps > 0 || took < longPass {
		return 0
	}
	return restFor * took
}

// computed is the time that this process has had, the kernel's on its behalf
// included: what it waited for, such as a lock or a busy machine, is none of it.
func computed() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// dropPending takes what is pending in vain: with a configuration that cannot be
// used nothing can be done, and what is left behind would have the path unit start
// the next run at once, for ever. Whoever mends the configuration has the watcher
// read it anew, which asks for everything again; else the timer comes.
func dropPending(stateDir string) {
	_ = state.TakeRulesPending(stateDir) // the failure to load is the one to tell
}

// waitFor is how long to wait for more: what is held back is tried again when
// it is due.
func waitFor(retryAt time.Time) time.Duration {
	if retryAt.IsZero() {
		return linger
	}
	return max(time.Until(retryAt), 0)
}
