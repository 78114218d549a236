package systemd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

const (
	busName          = "org.freedesktop.systemd1"
	managerObj       = "/org/freedesktop/systemd1"
	managerInterface = busName + ".Manager"
)

// errSilent means that systemd has its name and does not answer.
var errSilent = errors.New("systemd does not answer")

// Manager is systemd as PID 1. The zero value is ready; it connects when it is
// first asked, and again after the bus went away. Several goroutines may ask at
// once.
type Manager struct{ bus systembus.Lazy }

// unit is what ListUnitsByPatterns tells of one, org.freedesktop.systemd1(5).
type unit struct {
	Name, Description, LoadState, ActiveState, SubState, Following string

	Path    dbus.ObjectPath
	JobID   uint32
	JobType string
	JobPath dbus.ObjectPath
}

// on reports whether the unit is active, or will be, when its job has ended: a
// target whose units are still starting has a job and is inactive.
func (u unit) on() bool {
	switch {
	case u.JobID == 0:
		return u.ActiveState == "active"
	case u.JobType == "stop":
		return false
	}
	return true
}

// Units returns the names of the units that match a pattern, and are active or
// about to be. To "\" a pattern gives no meaning, so escaped names can be in one.
func (m *Manager) Units(ctx context.Context, pattern string) ([]string, error) {
	var units []unit
	if err := m.call(ctx, &units, "ListUnitsByPatterns", []string{}, []string{pattern}); err != nil {
		return nil, fmt.Errorf("listing units %q: %w", pattern, err)
	}
	return activeNames(units), nil
}

func activeNames(units []unit) (names []string) {
	for _, u := range units {
		if u.on() {
			names = append(names, u.Name)
		}
	}
	return names
}

// Start queues the start of a unit. The error is hostnet.ErrUnitRefused where
// systemd answers that it will not: the unit is not installed, is masked, or the
// host is shutting down.
func (m *Manager) Start(ctx context.Context, name string) error {
	return m.queue(ctx, "StartUnit", name)
}

// Stop queues the stop of a unit, as Start does.
func (m *Manager) Stop(ctx context.Context, name string) error { return m.queue(ctx, "StopUnit", name) }

// queue does not wait for the job. It replaces one that is queued for the unit
// already: the last word on a link's state counts.
func (m *Manager) queue(ctx context.Context, method, name string) error {
	var job dbus.ObjectPath
	err := m.call(ctx, &job, method, name, "replace")
	if err == nil {
		return nil
	}
	// Its own errors, sd-bus-errors(3) and bus-common-errors.h, are about the unit:
	// NoSuchUnit, UnitMasked, TransactionIsDestructive at shutdown, and the like.
	var refusal dbus.Error
	if errors.As(err, &refusal) && strings.HasPrefix(refusal.Name, busName+".") {
		return fmt.Errorf("%s of %q: %w: %w", method, name, hostnet.ErrUnitRefused, err)
	}
	return fmt.Errorf("%s of %q: %w", method, name, err)
}

// call calls a method of the manager and takes its answer.
func (m *Manager) call(ctx context.Context, answer any, method string, args ...any) error {
	return m.callAt(ctx, answer, managerObj, managerInterface+"."+method, args...)
}

func (m *Manager) callAt(ctx context.Context, answer any, path dbus.ObjectPath, method string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, systembus.CallTimeout)
	defer cancel()
	bus, err := m.bus.Get(ctx)
	if err != nil {
		return err
	}
	// By its well-known name, which the bus gives to root alone: after
	// `systemctl daemon-reexec` systemd has another unique one.
	call := bus.Call(ctx, busName, path, method, args...)
	<-call.Done
	switch {
	case errors.Is(call.Err, context.DeadlineExceeded), systembus.IsError(call.Err, "org.freedesktop.DBus.Error.NoReply"):
		return errSilent
	case call.Err != nil:
		return call.Err
	}
	if err := systembus.Store(call, answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

// Close ends the connection, if there is one.
func (m *Manager) Close() { m.bus.Close() }
