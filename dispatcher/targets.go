package dispatcher

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// errResting means that systemd failed a moment ago and is not asked yet.
var errResting = errors.New("systemd failed a moment ago")

// UnitManager is systemd, as far as targets need it. It waits for no job.
type UnitManager interface {
	// Units returns the units that match a pattern of fnmatch(3), and are active or
	// about to be.
	Units(ctx context.Context, pattern string) ([]string, error)
	// Start and Stop queue a job. The error is hostnet.ErrUnitRefused for a unit that
	// systemd has no job for; any other comes of a systemd that cannot be reached,
	// or does not answer.
	Start(ctx context.Context, name string) error
	Stop(ctx context.Context, name string) error
}

// targetsRest is how long a manager that failed is left alone: it may have taken
// as long as a call can to do so, and each event's scripts would wait for that.
const targetsRest = 10 * time.Second

// Targets has systemd's targets follow the states of links. Several goroutines
// may use it; one at a time has its turn, so that of two links of one name, the
// one that went and the one that came, the later word holds.
type Targets struct {
	Units UnitManager
	Log   *slog.Logger

	mu     sync.Mutex
	rests  time.Time // when it may be asked again
	silent bool      // said so
}

// Follow starts the targets of a link's states, and before that stops those of
// every other state of the same properties, as they are active and not as an
// event remembers them. Without start it only stops. After an error systemd has not
// taken in all of it; that has been logged.
func (t *Targets) Follow(ctx context.Context, link string, states hostnet.States, start bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.rests) {
		return errResting
	}
	instance := instanceOf(link)
	return t.ask(ctx, targetName("*", instance), func(active []string) error {
		return t.follow(ctx, active, instance, states, start)
	})
}

// Settle does what Follow does for each of the links that there are, and stops the
// targets of all others. It asks systemd in any case, and for the links only where
// systemd answers.
func (t *Targets) Settle(ctx context.Context, links func() (map[string]hostnet.States, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ask(ctx, targetName("*", "*"), func(active []string) error {
		present, err := links()
		if err != nil {
			return err
		}
		want := make(map[string]hostnet.States)
		have := make(map[string][]string)
		for _, name := range active {
			if _, instance, ok := parseTarget(name); ok {
				have[instance] = append(have[instance], name)
				want[instance] = NoStates()
			}
		}
		for link, states := range present {
			want[instanceOf(link)] = states
		}
		for instance, states := range want {
			if err := t.follow(ctx, have[instance], instance, states, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoStates are those of a link that is gone: no target of it stays active.
func NoStates() hostnet.States {
	return hostnet.States{hostnet.OperationalState: "", hostnet.AdministrativeState: ""}
}

// ask hands the active units of a pattern to use. It says once that systemd
// fails, and once that it does no more.
func (t *Targets) ask(ctx context.Context, pattern string, use func(active []string) error) error {
	active, err := t.Units.Units(ctx, pattern)
	if err == nil {
		err = use(active)
	}
	switch {
	case ctx.Err() != nil: // told to end, nobody failed
		return ctx.Err()
	case err != nil:
		t.rests = time.Now().Add(targetsRest)
		if !t.silent {
			t.silent = true
			t.Log.Log(ctx, level(err), "targets do not follow their links", "err", err)
		}
	case t.silent:
		t.silent, t.rests = false, time.Time{}
		t.Log.Info("targets follow their links again")
	}
	return err
}

// level is lower where there is no bus at all, which is how its owner made the
// host: that need not be said in each run.
func level(err error) slog.Level {
	if errors.Is(err, fs.ErrNotExist) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// follow takes the steps. systemd logs every target that it reaches or stops:
// here that would be said twice.
func (t *Targets) follow(ctx context.Context, active []string, instance string, states hostnet.States, start bool) error {
	stops, starts := targetSteps(active, instance, states)
	for _, name := range stops {
		if err := t.queue(ctx, t.Units.Stop, "target stopped", name); err != nil {
			return err
		}
	}
	if !start {
		return nil
	}
	for _, name := range starts {
		if err := t.queue(ctx, t.Units.Start, "target started", name); err != nil {
			return err
		}
	}
	return nil
}

// queue passes over a target that is not installed, or that its owner masked.
func (t *Targets) queue(ctx context.Context, do func(context.Context, string) error, what, name string) error {
	err := do(ctx, name)
	switch {
	case errors.Is(err, hostnet.ErrUnitRefused):
		t.Log.Debug("target refused", "err", err)
		return nil
	case err == nil:
		t.Log.Debug(what, "unit", name)
	}
	return err
}
