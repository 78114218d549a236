package systemd

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// lookTimeout bounds a look at units: somebody waits for what it is a part of, and
// can do without.
const lookTimeout = time.Second

// Look is a look at some units. It changes nothing, starts nobody, and anybody may
// take it.
type Look struct {
	// Units are in the order that they were asked for, those that do not exist
	// included.
	Units []hostnet.UnitState
	// Next is when the timer that was asked about starts its unit; zero for never,
	// and while its unit runs.
	Next time.Time
}

// Look asks for the states of units, and when a timer among them elapses next; an
// empty timer asks for none.
func (m *Manager) Look(ctx context.Context, names []string, timer string) (Look, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var units []unit
	if err := m.call(ctx, &units, "ListUnitsByNames", names); err != nil {
		return Look{}, fmt.Errorf("asking for the states of units: %w", err)
	}
	var look Look
	for _, u := range units {
		look.Units = append(look.Units, hostnet.UnitState{Name: u.Name, Load: u.LoadState, Active: u.ActiveState, Sub: u.SubState})
		if u.Name == timer && u.ActiveState == "active" {
			look.Next = m.next(ctx, u.Path)
		}
	}
	return look, nil
}

// next returns when a timer elapses: systemd tells microseconds of CLOCK_MONOTONIC,
// and the greatest number, or none, for never.
func (m *Manager) next(ctx context.Context, timer dbus.ObjectPath) time.Time {
	var v dbus.Variant
	err := m.callAt(ctx, &v, timer, "org.freedesktop.DBus.Properties.Get", busName+".Timer", "NextElapseUSecMonotonic")
	at, ok := elapse(v)
	if err != nil || !ok {
		return time.Time{}
	}
	now, err := Monotonic()
	if err != nil {
		return time.Time{}
	}
	return time.Now().Add(at - now)
}

func elapse(v dbus.Variant) (time.Duration, bool) {
	usec, ok := v.Value().(uint64)
	if !ok || usec == 0 || usec > math.MaxInt64/uint64(time.Microsecond) {
		return 0, false
	}
	return time.Duration(usec) * time.Microsecond, true
}

// Monotonic reads the clock by which systemd's timers go, CLOCK_MONOTONIC.
func Monotonic() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()), nil
}
