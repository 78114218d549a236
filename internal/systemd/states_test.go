package systemd

import (
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const lookedAt = "org.freedesktop.systemd1"

// fakeUnits answers as systemd does when it is asked for units by name.
type fakeUnits struct{ hang chan struct{} }

type fakeUnit struct {
	Name, Description, LoadState, ActiveState, SubState, Following string

	Path    dbus.ObjectPath
	JobID   uint32
	JobType string
	JobPath dbus.ObjectPath
}

func (f fakeUnits) ListUnitsByNames(names []string) ([]fakeUnit, *dbus.Error) {
	if f.hang != nil {
		<-f.hang
	}
	var units []fakeUnit
	for _, name := range names {
		u := fakeUnit{Name: name, LoadState: "not-found", ActiveState: "inactive", SubState: "dead", Path: "/unit/none", JobPath: "/"}
		if name == "a.timer" {
			u.LoadState, u.ActiveState, u.SubState, u.Path = "loaded", "active", "waiting", "/unit/timer"
		}
		units = append(units, u)
	}
	return units, nil
}

func exportUnits(t *testing.T, bus *bustest.Bus, f fakeUnits, next uint64) {
	t.Helper()
	conn := bus.Conn()
	require.NoError(t, conn.Export(f, "/org/freedesktop/systemd1", lookedAt+".Manager"))
	_, err := prop.Export(conn, "/unit/timer", prop.Map{lookedAt + ".Timer": {"NextElapseUSecMonotonic": {Value: next, Emit: prop.EmitFalse}}})
	require.NoError(t, err)
	reply, err := conn.RequestName(lookedAt, dbus.NameFlagDoNotQueue)
	require.NoError(t, err)
	require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
}

func TestLookAt(t *testing.T) {
	bus := bustest.New(t, lookedAt)
	_, err := LookAt(t.Context(), []string{"a.timer"}, "a.timer")
	require.Error(t, err, "no bus")
	bus.Start()
	_, err = LookAt(t.Context(), []string{"a.timer"}, "a.timer")
	require.Error(t, err, "nobody has the name")

	sinceBoot, err := monotonic()
	require.NoError(t, err)
	exportUnits(t, bus, fakeUnits{}, uint64((sinceBoot + time.Hour).Microseconds()))
	look, err := LookAt(t.Context(), []string{"b.path", "a.timer"}, "a.timer")
	require.NoError(t, err)
	assert.Equal(t, []hostnet.UnitState{
		{Name: "b.path", Load: "not-found", Active: "inactive", Sub: "dead"},
		{Name: "a.timer", Load: "loaded", Active: "active", Sub: "waiting"},
	}, look.Units)
	assert.WithinDuration(t, time.Now().Add(time.Hour), look.Next, time.Minute)
	look, err = LookAt(t.Context(), []string{"a.timer"}, "")
	require.NoError(t, err)
	assert.Zero(t, look.Next, "nobody asked")
	assert.False(t, bus.Activated())
}

func TestLookAtTimerWithoutEnd(t *testing.T) {
	bus := bustest.New(t, lookedAt)
	bus.Start()
	exportUnits(t, bus, fakeUnits{}, 1<<64-1)
	look, err := LookAt(t.Context(), []string{"a.timer"}, "a.timer")
	require.NoError(t, err)
	assert.Zero(t, look.Next, "its service is running: systemd does not know yet")
}

func TestLookAtSomebodySilent(t *testing.T) {
	bus := bustest.New(t, lookedAt)
	bus.Start()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	exportUnits(t, bus, fakeUnits{hang}, 0)
	_, err := LookAt(t.Context(), []string{"a.timer"}, "a.timer")
	assert.ErrorContains(t, err, "asking systemd for the states of units")
}
