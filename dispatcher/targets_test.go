package dispatcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// fakeUnits is a systemd in memory. It is strict: to stop what is not active, or
// to start what is, fails.
type fakeUnits struct {
	active  []string
	steps   []string
	asked   int
	refused string // a part of the names that are refused
	err     error  // of every call
	failOn  string // and of this step alone
}

func (f *fakeUnits) Units(ctx context.Context, pattern string) ([]string, error) {
	f.asked++
	if err := errors.Join(ctx.Err(), f.err); err != nil {
		return nil, err
	}
	var found []string
	for _, name := range f.active {
		// path.Match gives "\" a meaning, and systemd does not.
		if ok, _ := path.Match(strings.ReplaceAll(pattern, `\`, `\\`), name); ok {
			found = append(found, name)
		}
	}
	return found, nil
}

func (f *fakeUnits) Start(ctx context.Context, name string) error { return f.step(ctx, "start", name) }
func (f *fakeUnits) Stop(ctx context.Context, name string) error  { return f.step(ctx, "stop", name) }

func (f *fakeUnits) step(ctx context.Context, verb, name string) error {
	step := verb + " " + name
	at := slices.Index(f.active, name)
	switch {
	case ctx.Err() != nil || f.err != nil:
		return errors.Join(ctx.Err(), f.err)
	case f.failOn == step:
		return errors.New("connection closed")
	case f.refused != "" && strings.Contains(name, f.refused):
		return fmt.Errorf("%s: %w", step, hostnet.ErrUnitRefused)
	case (verb == "start") == (at >= 0):
		return fmt.Errorf("%s: asked for nothing", step)
	case at >= 0:
		f.active = slices.Delete(f.active, at, at+1)
	default:
		f.active = append(f.active, name)
	}
	f.steps = append(f.steps, step)
	return nil
}

func newTargets(f *fakeUnits) (*Targets, *bytes.Buffer) {
	var log bytes.Buffer
	return &Targets{Units: f, Log: slog.New(slog.NewTextHandler(&log, nil))}, &log
}

func op(state string) hostnet.States { return hostnet.States{hostnet.OperationalState: state} }

func TestTargetsFlap(t *testing.T) {
	f := &fakeUnits{active: []string{"netbrk-configured@a-b.target", `netbrk-off@a\x2db\x2dc.target`}}
	targets, log := newTargets(f)
	for _, state := range []string{"routable", "no-carrier", "no-carrier", "routable"} {
		assert.NoError(t, targets.Follow(t.Context(), "a-b", op(state), true))
	}
	assert.Equal(t, []string{
		`start netbrk-routable@a\x2db.target`,
		`stop netbrk-routable@a\x2db.target`, `start netbrk-no-carrier@a\x2db.target`,
		`stop netbrk-no-carrier@a\x2db.target`, `start netbrk-routable@a\x2db.target`,
	}, f.steps)
	assert.Empty(t, log.String(), "systemd's own lines tell of it")
}

// TestTargetsOfABurst: systemd is not asked at each transition of a burst, and what
// others did is seen after a second.
func TestTargetsOfABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUnits{}
		targets, _ := newTargets(f)
		const links, flaps = 100, 3
		for range flaps {
			for _, state := range []string{"routable", "off"} {
				for i := range links {
					assert.NoError(t, targets.Follow(t.Context(), fmt.Sprintf("veth%d", i), op(state), true))
				}
			}
		}
		assert.Equal(t, 2, f.asked)
		assert.Len(t, f.active, links)
		assert.Len(t, f.steps, links*(1+2*(2*flaps-1)))

		f.active = []string{"netbrk-carrier@veth0.target"} // by hand
		for range 4 {
			<-time.After(targetsFresh / 3)
			assert.NoError(t, targets.Follow(t.Context(), "eth0", op("off"), true))
		}
		f.steps = nil
		assert.NoError(t, targets.Follow(t.Context(), "veth0", op("off"), true))
		assert.Equal(t, []string{"stop netbrk-carrier@veth0.target", "start netbrk-off@veth0.target"}, f.steps)

		// After a failure nothing is known for certain.
		f.failOn = "start netbrk-routable@veth0.target"
		assert.Error(t, targets.Follow(t.Context(), "veth0", op("routable"), true))
		assert.Nil(t, targets.active)
	})
}

func TestTargetsStopOnly(t *testing.T) {
	f := &fakeUnits{active: []string{"netbrk-routable@eth0.target", "netbrk-configured@eth0.target"}}
	targets, _ := newTargets(f)
	assert.NoError(t, targets.Follow(t.Context(), "eth0", op("off"), false))
	assert.Equal(t, []string{"stop netbrk-routable@eth0.target"}, f.steps)
}

// TestTargetsRefused: a target that is masked does not keep the one before it
// active, nor is it a failure.
func TestTargetsRefused(t *testing.T) {
	f := &fakeUnits{active: []string{"netbrk-carrier@eth0.target"}, refused: "routable"}
	targets, log := newTargets(f)
	assert.NoError(t, targets.Follow(t.Context(), "eth0", op("routable"), true))
	assert.Equal(t, []string{"stop netbrk-carrier@eth0.target"}, f.steps)
	assert.Empty(t, log.String())
}

func TestTargetsSettle(t *testing.T) {
	f := &fakeUnits{active: []string{
		"netbrk-routable@eth0.target", "netbrk-off@eth1.target", "netbrk-routable@gone.target", "netbrk-configured@gone.target",
		"netbrk-mine@gone.target", "netbrk-apply-rules@gone.service",
	}}
	targets, _ := newTargets(f)
	links := map[string]hostnet.States{
		"eth0": {hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured"},
		"eth1": op("carrier"),
		"eth2": op("off"),
	}
	there := func() (map[string]hostnet.States, error) { return links, nil }
	assert.NoError(t, targets.Settle(t.Context(), there))
	assert.Equal(t, 1, f.asked)
	assert.ElementsMatch(t, []string{
		"stop netbrk-routable@gone.target", "stop netbrk-configured@gone.target",
		"start netbrk-configured@eth0.target", "stop netbrk-off@eth1.target", "start netbrk-carrier@eth1.target",
		"start netbrk-off@eth2.target",
	}, f.steps)
	assert.Less(t, slices.Index(f.steps, "stop netbrk-off@eth1.target"), slices.Index(f.steps, "start netbrk-carrier@eth1.target"))
	f.steps = nil
	assert.NoError(t, targets.Settle(t.Context(), there))
	assert.Empty(t, f.steps, "run twice, the second does nothing")

	// Without all links, one that is not told of would pass for gone.
	unread := errors.New("reading links: they changed under every attempt")
	assert.ErrorIs(t, targets.Settle(t.Context(), func() (map[string]hostnet.States, error) { return nil, unread }), unread)
	assert.Empty(t, f.steps)
}

// TestTargetsFail: systemd is left alone for a while, told of once, and asked in
// any case by Settle.
func TestTargetsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeUnits{err: errors.New("systemd does not answer")}
		targets, log := newTargets(f)
		for range 3 {
			assert.Error(t, targets.Follow(t.Context(), "eth0", op("off"), true))
		}
		assert.Equal(t, 1, f.asked)
		assert.Error(t, targets.Settle(t.Context(), nil), "and for links it does not ask")
		assert.Equal(t, 2, f.asked)
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
		f.err = nil
		assert.Error(t, targets.Follow(t.Context(), "eth0", op("off"), true), "it rests")
		<-time.After(targetsRest)
		assert.NoError(t, targets.Follow(t.Context(), "eth0", op("off"), true))
		assert.Equal(t, []string{"start netbrk-off@eth0.target"}, f.steps)
		assert.Contains(t, log.String(), "targets follow their links again")
	})
}

func TestTargetsFailHalfWay(t *testing.T) {
	f := &fakeUnits{active: []string{"netbrk-off@eth0.target"}, failOn: "start netbrk-carrier@eth0.target"}
	targets, _ := newTargets(f)
	assert.Error(t, targets.Follow(t.Context(), "eth0", op("carrier"), true))
	f.failOn = ""
	assert.NoError(t, targets.Settle(t.Context(), func() (map[string]hostnet.States, error) {
		return map[string]hostnet.States{"eth0": op("carrier")}, nil
	}))
	assert.Equal(t, []string{"stop netbrk-off@eth0.target", "start netbrk-carrier@eth0.target"}, f.steps)
	assert.NoError(t, targets.Follow(t.Context(), "eth0", op("off"), true), "it answers, and rests no more")
}

// TestTargetsWithoutBus: a host without a bus is no reason for a line in each run.
func TestTargetsWithoutBus(t *testing.T) {
	targets, log := newTargets(&fakeUnits{err: fmt.Errorf("connecting to the system bus: %w", syscall.ENOENT)})
	assert.Error(t, targets.Follow(t.Context(), "eth0", op("off"), true))
	assert.Empty(t, log.String())
}

func TestTargetsToldToEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &fakeUnits{}
	targets, log := newTargets(f)
	assert.ErrorIs(t, targets.Follow(ctx, "eth0", op("off"), true), context.Canceled)
	assert.Empty(t, log.String(), "nobody failed")
	assert.NoError(t, targets.Follow(t.Context(), "eth0", op("off"), true))
}
