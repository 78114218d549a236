package subcmd

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/netbrk/netbrk/state"
)

// servePending makes a pass, and another one for whatever comes into
// rules-pending, until nothing has come for a while and nothing is held back.
// Within a burst, and while somebody contends, no process has to be started.
func (r *rulesRun) servePending(ctx context.Context) error {
	if other := state.RulesQueueHolder(r.stateDir); other.Held {
		r.log.Info("another netbrk apply-rules is at work and is waited for", "pid", other.PID)
	}
	lock, err := state.LockRulesQueue(ctx, r.stateDir)
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
		if _, err := queue.Take(); err != nil {
			return needRoot(err)
		}
		result, err := r.pass(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil // told to end; the next run looks at everything again
			}
			return err
		}
		partial = result.Partial()
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

// dropPending takes what is pending in vain: with a configuration that cannot be
// used nothing can be done, and what is left behind would have the path unit start
// the next run at once, for ever. Whoever mends the configuration has the watcher
// read it anew, which asks for everything again; else the timer comes.
func dropPending(stateDir string) {
	queue, err := state.OpenRulesQueue(stateDir, slog.New(slog.DiscardHandler))
	if err != nil {
		return // the failure to load is the one to tell
	}
	defer queue.Close()
	_, _ = queue.Take()
}

// waitFor is how long to wait for more: what is held back is tried again when
// it is due.
func waitFor(retryAt time.Time) time.Duration {
	if retryAt.IsZero() {
		return linger
	}
	return max(time.Until(retryAt), 0)
}
