package systemd

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// fakeSystemd answers as systemd's manager does.
type fakeSystemd struct {
	mu    sync.Mutex
	units []unit
	calls []string
	hang  chan struct{} // calls wait for it, if it is not nil
	next  uint64        // when a.timer elapses
}

func (f *fakeSystemd) called(words ...string) {
	if f.hang != nil {
		<-f.hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(words, " "))
}

// all returns the calls so far.
func (f *fakeSystemd) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// refusals are systemd's answers about units that it does not start.
var refusals = map[string]string{
	"masked.target": "UnitMasked", "absent.target": "NoSuchUnit", "late.target": "TransactionIsDestructive",
}

func (f *fakeSystemd) StartUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	f.called("StartUnit", name, mode)
	if refusal := refusals[name]; refusal != "" {
		return "", dbus.NewError(busName+"."+refusal, []any{"Unit " + name + " is not to be had."})
	}
	if name == "denied.target" {
		return "", dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", []any{"Permission denied"})
	}
	return managerObj + "/job/1", nil
}

func (f *fakeSystemd) StopUnit(name, mode string) (dbus.ObjectPath, *dbus.Error) {
	f.called("StopUnit", name, mode)
	return managerObj + "/job/2", nil
}

func (f *fakeSystemd) ListUnitsByPatterns(states, patterns []string) ([]unit, *dbus.Error) {
	f.called("ListUnitsByPatterns", fmt.Sprint(states), fmt.Sprint(patterns))
	var found []unit
	for _, u := range f.units {
		for _, p := range patterns {
			if ok, _ := path.Match(p, u.Name); ok {
				found = append(found, u)
			}
		}
	}
	return found, nil
}

// export puts systemd on the bus.
func (f *fakeSystemd) export(t *testing.T, bus *bustest.Bus) {
	t.Helper()
	conn := bus.Conn()
	require.NoError(t, conn.Export(f, managerObj, managerInterface))
	require.NoError(t, conn.Export(timer{f}, timerObj, "org.freedesktop.DBus.Properties"))
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	require.NoError(t, err)
	require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
}

func newManager(t *testing.T, f *fakeSystemd) (*Manager, *bustest.Bus) {
	t.Helper()
	bus := bustest.New(t, busName)
	bus.Start()
	f.export(t, bus)
	m := &Manager{}
	t.Cleanup(m.Close)
	return m, bus
}

func TestUnits(t *testing.T) {
	one := func(name, active, job string) unit {
		u := unit{Name: name, LoadState: "loaded", ActiveState: active, SubState: "dead", Path: "/u", JobPath: "/"}
		if job != "" {
			u.JobID, u.JobType, u.JobPath = 7, job, "/job"
		}
		return u
	}
	f := &fakeSystemd{units: []unit{
		one("netbrk-active@eth0.target", "active", ""),
		one("netbrk-inactive@eth0.target", "inactive", ""),
		one("netbrk-starting@eth0.target", "inactive", "start"),
		one("netbrk-stopping@eth0.target", "active", "stop"),
		one("netbrk-restarting@eth0.target", "active", "restart"),
		one("netbrk-active@eth1.target", "active", ""),
	}}
	m, _ := newManager(t, f)
	names, err := m.Units(t.Context(), "netbrk-*@eth0.target")
	require.NoError(t, err)
	assert.Equal(t, []string{"netbrk-active@eth0.target", "netbrk-starting@eth0.target", "netbrk-restarting@eth0.target"}, names)
	assert.Equal(t, []string{"ListUnitsByPatterns [] [netbrk-*@eth0.target]"}, f.all())
	names, err = m.Units(t.Context(), "none")
	require.NoError(t, err)
	assert.Empty(t, names)
}

func TestStartAndStop(t *testing.T) {
	f := &fakeSystemd{}
	m, _ := newManager(t, f)
	require.NoError(t, m.Start(t.Context(), `netbrk-routable@a\x2db.target`))
	require.NoError(t, m.Stop(t.Context(), `netbrk-routable@a\x2db.target`))
	assert.Equal(t, []string{
		`StartUnit netbrk-routable@a\x2db.target replace`, `StopUnit netbrk-routable@a\x2db.target replace`,
	}, f.all())
	for name, refusal := range refusals {
		err := m.Start(t.Context(), name)
		require.ErrorIs(t, err, hostnet.ErrUnitRefused)
		assert.Contains(t, err.Error(), name, refusal)
	}
	err := m.Start(t.Context(), "denied.target")
	require.Error(t, err)
	assert.NotErrorIs(t, err, hostnet.ErrUnitRefused, "the bus's word is not systemd's")
}

func TestAbsent(t *testing.T) {
	bus := bustest.New(t, busName)
	m := &Manager{}
	t.Cleanup(m.Close)
	assert.ErrorIs(t, m.Start(t.Context(), "x.target"), fs.ErrNotExist, "no bus")
	bus.Start()
	err := m.Start(t.Context(), "x.target")
	require.Error(t, err)
	assert.NotErrorIs(t, err, hostnet.ErrUnitRefused)
	assert.False(t, bus.Activated())
}

// TestBack: the bus is restarted, and systemd re-executed.
func TestBack(t *testing.T) {
	f := &fakeSystemd{}
	m, bus := newManager(t, f)
	require.NoError(t, m.Start(t.Context(), "a.target"))
	bus.Stop()
	require.Error(t, m.Start(t.Context(), "b.target"))
	bus.Start()
	f.export(t, bus)
	require.NoError(t, m.Start(t.Context(), "c.target"))
	assert.Equal(t, []string{"StartUnit a.target replace", "StartUnit c.target replace"}, f.all())
}

func TestSilent(t *testing.T) {
	f := &fakeSystemd{hang: make(chan struct{})}
	t.Cleanup(func() { close(f.hang) })
	m, _ := newManager(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := m.Units(ctx, "*")
	assert.ErrorIs(t, err, errSilent)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, m.Start(cancelled, "x.target"), context.Canceled)
}
