// Package systemd asks systemd, the manager of the host's units.
package systemd

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

// lookTimeout bounds a look at units: somebody waits for what it is a part of, and
// can do without.
const lookTimeout = time.Second

// Booted reports whether systemd is the host's init, sd_booted(3).
func Booted() bool {
	st, err := os.Lstat("/run/systemd/system")
	return err == nil && st.IsDir()
}

// Look is a look at some units. It changes nothing, starts nobody, and anybody may
// take it.
type Look struct {
	// Units are in the order that they were asked for, those that do not exist
	// included.
	Units []hostnet.UnitState
	// Next is when the timer that was asked about starts its unit; zero for never.
	Next time.Time
}

// LookAt asks for the states of units, and when a timer among them elapses next;
// an empty timer asks for none.
func LookAt(ctx context.Context, units []string, timer string) (Look, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	bus, err := systembus.Dial(ctx)
	if err != nil {
		return Look{}, err
	}
	defer bus.Close()
	const manager = "org.freedesktop.systemd1"
	call := bus.Call(ctx, manager, "/org/freedesktop/systemd1", manager+".Manager.ListUnitsByNames", units)
	<-call.Done
	if call.Err != nil {
		return Look{}, fmt.Errorf("asking systemd for the states of units: %w", call.Err)
	}
	var answer []struct {
		Name, Description, LoadState, ActiveState, SubState, Following string

		Path    dbus.ObjectPath
		JobID   uint32
		JobType string
		JobPath dbus.ObjectPath
	}
	if err := call.Store(&answer); err != nil {
		return Look{}, fmt.Errorf("reading the states of units: %w", err)
	}
	var look Look
	for _, u := range answer {
		look.Units = append(look.Units, hostnet.UnitState{Name: u.Name, Load: u.LoadState, Active: u.ActiveState, Sub: u.SubState})
		if u.Name == timer && u.ActiveState == "active" {
			look.Next = next(ctx, bus, u.Path)
		}
	}
	return look, nil
}

// next returns when a timer elapses: systemd tells microseconds of CLOCK_MONOTONIC,
// and the greatest number, or none, for never.
func next(ctx context.Context, bus *systembus.Conn, timer dbus.ObjectPath) time.Time {
	call := bus.Call(ctx, "org.freedesktop.systemd1", timer, "org.freedesktop.DBus.Properties.Get", "org.freedesktop.systemd1.Timer", "NextElapseUSecMonotonic")
	<-call.Done
	var v dbus.Variant
	if call.Err != nil || call.Store(&v) != nil {
		return time.Time{}
	}
	usec, ok := v.Value().(uint64)
	if !ok || usec == 0 || usec >= 1<<62 {
		return time.Time{}
	}
	now, err := monotonic()
	if err != nil {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(usec)*time.Microsecond - now)
}
