package dispatcher

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// firstBackoff and lastBackoff bound the wait before a reader that left
	// events behind is started again; it doubles from one to the other.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 30 * time.Second
)

// Kicker starts the reader of the spool, one at a time, for a watcher that
// runs without path units. An event is never handed over by it: it is in the
// spool, whatever becomes of the reader.
type Kicker struct {
	// Done, if it is set, is called whenever a reader has ended. It is set before Run.
	Done func()

	path  string
	args  []string
	empty func() (bool, error)
	log   *slog.Logger
	poke  chan struct{}
}

// NewKicker returns a kicker that starts path with args, whose first one is
// the program's name, as long as empty says that events wait.
func NewKicker(path string, args []string, empty func() (bool, error), log *slog.Logger) *Kicker {
	return &Kicker{path: path, args: args, empty: empty, log: log, poke: make(chan struct{}, 1)}
}

// Kick says that an event was spooled. It never blocks.
func (k *Kicker) Kick() {
	select {
	case k.poke <- struct{}{}:
	default:
	}
}

// Run starts readers until ctx is done, and then ends the one that runs.
func (k *Kicker) Run(ctx context.Context) {
	backoff := firstBackoff
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.poke:
		}
		// One that failed is started again even if nothing waits: it may have been
		// killed between taking something and doing it.
		for failed := false; ctx.Err() == nil && (failed || k.waiting()); {
			failed = !k.start(ctx)
			if k.Done != nil {
				k.Done()
			}
			if !failed && !k.waiting() {
				backoff = firstBackoff
				break
			}
			// It failed, or another one is at work: give it time.
			select {
			case <-ctx.Done():
			case <-time.After(backoff):
			}
			backoff = min(2*backoff, lastBackoff)
		}
	}
}

// waiting reports whether there is something to read.
func (k *Kicker) waiting() bool {
	empty, err := k.empty()
	if err != nil {
		k.log.Error("looking into the spool", "err", err)
	}
	return err == nil && !empty
}

// start runs one reader to its end and reports whether it did its work.
func (k *Kicker) start(ctx context.Context) bool {
	cmd := exec.CommandContext(ctx, k.path, k.args[1:]...)
	cmd.Args = k.args
	cmd.Stderr = os.Stderr
	cmd.Env = readerEnviron()
	// A reader that is told to end stops its scripts, which is over when SIGKILL has
	// had its time too, and leaves the rest in the spool.
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 2 * termGrace
	err := cmd.Run()
	if err != nil && ctx.Err() == nil && cmd.ProcessState.ExitCode() != statusPartial {
		k.log.Warn("reader of the spool ended", "err", err)
		return false
	}
	return true
}

// statusPartial is netbrk's exit status for work that is done though a part of it
// failed, such as some of the scripts.
const statusPartial = 3

// readerEnviron is our environment less what the service manager meant for us alone.
func readerEnviron() []string {
	var env []string
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "INVOCATION_ID", "LISTEN_FDS", "LISTEN_PID":
		default:
			env = append(env, v)
		}
	}
	return env
}
