package subcmd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

// memoryUnits is a systemd in memory, of which only the targets of veths count.
type memoryUnits struct {
	active []string
	err    error
	starts func() // unless nil, is called as one is started
}

func (m *memoryUnits) Units(_ context.Context, pattern string) ([]string, error) {
	_, end, _ := strings.Cut(pattern, "@")
	var found []string
	for _, name := range m.active {
		if end == "*.target" || strings.HasSuffix(name, "@"+end) {
			found = append(found, name)
		}
	}
	return found, m.err
}

func (m *memoryUnits) Start(_ context.Context, name string) error {
	m.active = append(m.active, name)
	if m.starts != nil {
		m.starts()
	}
	return m.err
}

func (m *memoryUnits) Stop(_ context.Context, name string) error {
	m.active = slices.DeleteFunc(m.active, func(active string) bool { return active == name })
	return m.err
}

// targetsRun is a run of run-hooks in a namespace with a veth pair that is up.
type targetsRun struct {
	*testing.T
	*hookRun
	*netnstest.Namespace
	units *memoryUnits
	index int
	root  string
}

func newTargetsRun(t *testing.T) targetsRun {
	t.Helper()
	ns := netnstest.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	root := t.TempDir()
	hooks, err := state.OpenHooks(root)
	require.NoError(t, err)
	cfg := config.Default("")
	cfg.System.HookDirs = []string{t.TempDir()}
	cfg.Network.Links, err = config.ParseLinkMatcher("!lo", "!other*")
	require.NoError(t, err)
	r := targetsRun{T: t, Namespace: ns, units: &memoryUnits{}, root: root}
	r.hookRun = &hookRun{
		cfg: cfg, log: slog.New(slog.NewTextHandler(t.Output(), nil)), hooks: hooks,
		finder:    dispatcher.Finder{Roots: cfg.System.HookDirs},
		waits:     func(hostnet.Event) bool { return true },
		signalled: func(int) hostnet.States { return nil },
		leases:    func(string) (report.LinkLeases, bool) { return report.LinkLeases{}, false },
		refused:   map[string]string{},
	}
	r.targets = &dispatcher.Targets{Units: r.units, Log: r.log}
	ns.Do(t, func() {
		r.kernel, err = kernel.Open()
		require.NoError(t, err)
	})
	t.Cleanup(r.hookRun.close)
	r.index, _ = ns.VethPair(t, "va", "vb")
	return r
}

// event handles one of the link at index.
func (r targetsRun) event(ev hostnet.Event) {
	r.Helper()
	ev.ID = "x-1"
	require.NoError(r, ev.Validate())
	require.True(r, r.handle(r.Context(), ev))
}

func (r targetsRun) state(index int, word string) {
	r.Helper()
	p, _ := hostnet.PropertyOf(word)
	r.event(hostnet.Event{Kind: hostnet.KindState, Index: index, Property: p, State: word})
}

func (r targetsRun) assertActive(words string) {
	r.Helper()
	var want []string
	for word := range strings.FieldsSeq(words) {
		want = append(want, "netbrk-"+word+".target")
	}
	assert.ElementsMatch(r, want, r.units.active)
}

func (r targetsRun) rename(index int, name string) {
	r.Helper()
	link, err := r.Netlink().LinkByIndex(index)
	require.NoError(r, err)
	require.NoError(r, r.Netlink().LinkSetName(link, name))
}

func (r targetsRun) remove(index int) {
	r.Helper()
	link, err := r.Netlink().LinkByIndex(index)
	require.NoError(r, err)
	require.NoError(r, r.Netlink().LinkDel(link))
}

func TestTargetsFollowLink(t *testing.T) {
	r := newTargetsRun(t)
	r.state(r.index, "off")
	r.state(r.index, "configuring")
	r.assertActive("off@va configuring@va")
	for _, word := range []string{"carrier", "no-carrier", "routable"} {
		r.state(r.index, word)
		r.assertActive(word + "@va configuring@va")
	}
	r.state(r.index, "configured")
	r.assertActive("routable@va configured@va")

	// By hand, and for a lease, the state of no link changes.
	require.True(t, r.handle(t.Context(), hostnet.Event{
		ID: "manual-1", Kind: hostnet.KindState, Index: r.index, Property: hostnet.OperationalState, State: "off", ByHand: true,
	}))
	r.event(hostnet.Event{
		Kind: hostnet.KindLeases, Index: r.index, Link: "va", Action: hostnet.ActionAdded, Generator: hostnet.GeneratorDHClient,
	})
	r.event(hostnet.Event{Kind: hostnet.KindAddresses, Index: r.index, Link: "va", Action: hostnet.ActionAdded})
	r.assertActive("routable@va configured@va")

	r.remove(r.index)
	r.state(r.index, "off")
	r.assertActive("routable@va configured@va") // of a link that is gone none is started
	r.event(hostnet.Event{Kind: hostnet.KindLinks, Index: r.index, Link: "va", Action: hostnet.ActionRemoved})
	r.assertActive("")
}

func TestTargetsFollowRename(t *testing.T) {
	r := newTargetsRun(t)
	r.state(r.index, "routable")
	r.rename(r.index, "a-b")
	renamed := hostnet.Event{Kind: hostnet.KindLinks, Index: r.index, Link: "a-b", PreviousLink: "va", Action: hostnet.ActionRenamed}
	r.event(renamed)
	r.assertActive(`carrier@a\x2db`) // what it is now: a veth without addresses
	r.state(r.index, "carrier")
	r.event(renamed)
	r.assertActive(`carrier@a\x2db`)

	// The name went to a link that is not followed.
	r.rename(r.index, "other0")
	r.event(hostnet.Event{Kind: hostnet.KindLinks, Index: r.index, Link: "other0", PreviousLink: "a-b", Action: hostnet.ActionRenamed})
	r.assertActive("")
}

// TestTargetsOfNameTaken: events of two links with one name, in whatever order,
// and forged ones.
func TestTargetsOfNameTaken(t *testing.T) {
	r := newTargetsRun(t)
	old := r.index
	r.state(old, "routable")
	r.state(old, "configured")
	r.remove(old)
	r.index, _ = r.VethPair(t, "va", "vb")
	require.NotEqual(t, old, r.index)
	r.event(hostnet.Event{Kind: hostnet.KindLinks, Index: r.index, Link: "va", Action: hostnet.ActionAdded})
	r.assertActive("configured@va") // nobody knows better; its first transition starts the other
	r.state(r.index, "carrier")
	r.state(r.index, "unmanaged")
	for _, ev := range []hostnet.Event{
		{Kind: hostnet.KindLinks, Index: old, Link: "va", Action: hostnet.ActionRemoved},
		{Kind: hostnet.KindLinks, Index: 99, Link: "x", PreviousLink: "va", Action: hostnet.ActionRenamed},
		{Kind: hostnet.KindState, Index: old, Property: hostnet.OperationalState, State: "off"},
	} {
		r.event(ev)
		r.assertActive("carrier@va unmanaged@va")
	}
}

// TestTargetsSettled: what was missed is made good at the end of a run, once.
func TestTargetsSettled(t *testing.T) {
	r := newTargetsRun(t)
	r.units.active = []string{"netbrk-routable@va.target", "netbrk-off@gone.target", "netbrk-off@lo.target"}
	g := global{stateDir: r.root}
	r.settleTargets(t.Context(), g)
	r.assertActive("carrier@va carrier@vb")
	r.units.active = nil // by hand, which stands
	r.settleTargets(t.Context(), g)
	r.assertActive("")
	assert.NoError(t, r.outcome())

	r.units.err = errors.New("systemd does not answer")
	r.state(r.index, "no-carrier")
	r.units.active = nil
	r.settleTargets(t.Context(), g)
	assert.ErrorIs(t, r.outcome(), errPartial)
	r.units.err = nil
	r.units.active = nil
	r.settleTargets(t.Context(), g)
	r.assertActive("carrier@va carrier@vb")

	var err error
	r.cfg.Network.Links, err = config.ParseLinkMatcher("vb")
	require.NoError(t, err)
	r.settleTargets(t.Context(), g)
	r.assertActive("carrier@vb")
}

// TestTargetsAfterTheStartOfScripts: a target is asked for once a script runs, and not
// only when that has ended.
func TestTargetsAfterTheStartOfScripts(t *testing.T) {
	r := newTargetsRun(t)
	ev := hostnet.Event{ID: "x-1", Kind: hostnet.KindState, Index: r.index, Property: hostnet.OperationalState, State: "off"}
	begin, followed := r.followTargets(t.Context(), ev, subject{index: r.index, name: "va"})
	r.assertActive("")
	begin()
	begin() // as each script starts
	assert.True(t, followed())
	r.assertActive("off@va")

	// The script waits for the target.
	dir := filepath.Join(r.cfg.System.HookDirs[0], "carrier.d")
	require.NoError(t, os.Mkdir(dir, 0o755))
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "10-wait"), []byte("#!/bin/sh\nread -r line <"+fifo+"\n"), 0o755))
	r.finder.Trust = dispatcher.Trust{UID: os.Geteuid(), Root: r.cfg.System.HookDirs[0]}
	r.runner = dispatcher.NewRunner(time.Minute)
	r.units.starts = func() {
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	r.state(r.index, "carrier")
	r.assertActive("carrier@va")
}

// TestTargetsInterrupted: told to end before systemd was asked, the event stays.
func TestTargetsInterrupted(t *testing.T) {
	r := newTargetsRun(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.False(t, r.handle(ctx, hostnet.Event{
		ID: "x-1", Kind: hostnet.KindState, Index: r.index, Property: hostnet.OperationalState, State: "off",
	}))
}

func TestTargetsShown(t *testing.T) {
	r := newTargetsRun(t)
	var out strings.Builder
	r.app = &app{stdout: &out, stderr: io.Discard}
	ev := hostnet.Event{ID: "x-1", Kind: hostnet.KindState, Index: r.index, Property: hostnet.OperationalState, State: "routable"}
	require.NoError(t, r.show(t.Context(), ev))
	assert.Contains(t, out.String(), "\n  target   netbrk-routable@va.target\n")
	out.Reset()
	ev.ByHand = true
	require.NoError(t, r.show(t.Context(), ev))
	assert.NotContains(t, out.String(), ".target")
}
