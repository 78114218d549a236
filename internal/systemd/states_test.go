package systemd

import (
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

func (f *fakeSystemd) ListUnitsByNames(names []string) ([]unit, *dbus.Error) {
	f.called("ListUnitsByNames")
	var units []unit
	for _, name := range names {
		u := unit{Name: name, LoadState: "not-found", ActiveState: "inactive", SubState: "dead", Path: "/unit/none", JobPath: "/"}
		if name == "a.timer" {
			u.LoadState, u.ActiveState, u.SubState, u.Path = "loaded", "active", "waiting", timerObj
		}
		units = append(units, u)
	}
	return units, nil
}

// timer is a.timer, whose one property is when it elapses.
type timer struct{ *fakeSystemd }

const timerObj = "/unit/timer"

func (tm timer) Get(iface, property string) (dbus.Variant, *dbus.Error) {
	if iface != busName+".Timer" || property != "NextElapseUSecMonotonic" {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", nil)
	}
	return dbus.MakeVariant(tm.next), nil
}

func TestLook(t *testing.T) {
	sinceBoot, err := Monotonic()
	require.NoError(t, err)
	m, bus := newManager(t, &fakeSystemd{next: uint64((sinceBoot + time.Hour).Microseconds())})
	look, err := m.Look(t.Context(), []string{"b.path", "a.timer"}, "a.timer")
	require.NoError(t, err)
	assert.Equal(t, []hostnet.UnitState{
		{Name: "b.path", Load: "not-found", Active: "inactive", Sub: "dead"},
		{Name: "a.timer", Load: "loaded", Active: "active", Sub: "waiting"},
	}, look.Units)
	assert.WithinDuration(t, time.Now().Add(time.Hour), look.Next, time.Minute)
	look, err = m.Look(t.Context(), []string{"a.timer"}, "")
	require.NoError(t, err)
	assert.Zero(t, look.Next, "nobody asked")
	assert.False(t, bus.Activated())
}

func TestLookAtTimerThatWaitsForItsUnit(t *testing.T) {
	m, _ := newManager(t, &fakeSystemd{next: 1<<64 - 1})
	look, err := m.Look(t.Context(), []string{"a.timer"}, "a.timer")
	require.NoError(t, err)
	assert.Zero(t, look.Next)
}

func TestLookAtNobody(t *testing.T) {
	bus := bustest.New(t, busName)
	var m Manager
	t.Cleanup(m.Close)
	_, err := m.Look(t.Context(), []string{"a.timer"}, "a.timer")
	require.Error(t, err, "no bus")
	bus.Start()
	_, err = m.Look(t.Context(), []string{"a.timer"}, "a.timer")
	require.Error(t, err, "nobody has the name")
	assert.False(t, bus.Activated())
}

func TestLookAtSomebodySilent(t *testing.T) {
	f := &fakeSystemd{hang: make(chan struct{})}
	t.Cleanup(func() { close(f.hang) })
	m, _ := newManager(t, f)
	_, err := m.Look(t.Context(), []string{"a.timer"}, "a.timer")
	assert.ErrorIs(t, err, errSilent)
}
