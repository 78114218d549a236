package dispatcher

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
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

// targetsFresh is how long a list of active targets holds. systemd walks all its units
// for a list: with the 4,000 targets of 2,000 links that flap, to ask for one at each
// transition was most of what systemd did. What others start or stop meanwhile is seen
// as much later.
const targetsFresh = time.Second

// Targets has systemd's targets follow the states of links. Several goroutines
// may use it; one at a time has its turn, so that of two links of one name, the
// one that went and the one that came, the later word holds.
type Targets struct {
	Units UnitManager
	Log   *slog.Logger

	mu     sync.Mutex
	rests  time.Time // when it may be asked again
	silent bool      // said so

	followed time.Time           // when something was last followed
	listed   time.Time           // when active was
	active   map[string][]string // by instance; nil where no list holds
}

// Follow starts the targets of a link's states, and before that stops those of
// every other state of the same properties, as they are active, or in a burst were a
// second ago, and not as an event remembers them. Without start it only stops. After
// an error systemd has not taken in all of it; that has been logged.
func (t *Targets) Follow(ctx context.Context, link string, states hostnet.States, start bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.rests) {
		return errResting
	}
	defer func() { t.followed = time.Now() }()
	instance := instanceOf(link)
	active, err := t.look(ctx, instance)
	if err == nil {
		err = t.follow(ctx, active, instance, states, start)
	}
	return t.said(ctx, err)
}

// look returns the active targets of an instance: asked for by themselves or, in a
// burst, out of a list of all.
func (t *Targets) look(ctx context.Context, instance string) ([]string, error) {
	now := time.Now()
	if now.Sub(t.followed) >= targetsFresh {
		t.active = nil
		return t.Units.Units(ctx, targetName("*", instance))
	}
	if t.active == nil || now.Sub(t.listed) >= targetsFresh {
		all, err := t.Units.Units(ctx, targetName("*", "*"))
		if err != nil {
			return nil, err
		}
		t.active, t.listed = byInstance(all), now
	}
	return t.active[instance], nil
}

func byInstance(active []string) map[string][]string {
	have := make(map[string][]string)
	for _, name := range active {
		if _, instance, ok := parseTarget(name); ok {
			have[instance] = append(have[instance], name)
		}
	}
	return have
}

// Settle does what Follow does for each of the links that there are, and stops the
// targets of all others. It asks systemd in any case, and for the links only where
// systemd answers.
func (t *Targets) Settle(ctx context.Context, links func() (map[string]hostnet.States, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active = nil
	active, err := t.Units.Units(ctx, targetName("*", "*"))
	if err == nil {
		err = t.settle(ctx, active, links)
	}
	return t.said(ctx, err)
}

func (t *Targets) settle(ctx context.Context, active []string, links func() (map[string]hostnet.States, error)) error {
	present, err := links()
	if err != nil {
		return err
	}
	want, have := make(map[string]hostnet.States), byInstance(active)
	for instance := range have {
		want[instance] = NoStates()
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
}

// NoStates are those of a link that is gone: no target of it stays active.
func NoStates() hostnet.States {
	return hostnet.States{hostnet.OperationalState: "", hostnet.AdministrativeState: ""}
}

// said says once that systemd fails, and once that it does no more.
func (t *Targets) said(ctx context.Context, err error) error {
	if err != nil {
		t.active = nil // some of it may have been done
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
		done, err := t.queue(ctx, t.Units.Stop, "target stopped", name)
		if err != nil {
			return err
		}
		if at := slices.Index(t.active[instance], name); done && at >= 0 {
			t.active[instance] = slices.Delete(t.active[instance], at, at+1)
		}
	}
	if !start {
		return nil
	}
	for _, name := range starts {
		done, err := t.queue(ctx, t.Units.Start, "target started", name)
		if err != nil {
			return err
		}
		if done && t.active != nil { // else nothing is kept
			t.active[instance] = append(t.active[instance], name)
		}
	}
	return nil
}

// queue passes over a target that is not installed, or that its owner masked.
func (t *Targets) queue(ctx context.Context, do func(context.Context, string) error, what, name string) (done bool, err error) {
	err = do(ctx, name)
	switch {
	case errors.Is(err, hostnet.ErrUnitRefused):
		t.Log.Debug("target refused", "err", err)
		return false, nil
	case err != nil:
		return false, err
	}
	t.Log.Debug(what, "unit", name)
	return true, nil
}
