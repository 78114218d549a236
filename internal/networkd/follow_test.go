package networkd

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// eventWait bounds a test that fails.
const eventWait = 20 * time.Second

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=%[1]s/bus</listen>
  <servicedir>%[1]s/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
`

// privateBus is a bus in a directory of the test. A service file would start
// networkd on it, and leave a mark.
type privateBus struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

func newPrivateBus(t *testing.T) *privateBus {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "services"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bus.conf"), fmt.Appendf(nil, busConfig, dir), 0o644))
	service := fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=/bin/touch %s/activated\n", busName, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "services", busName+".service"), []byte(service), 0o644))
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+dir+"/bus")
	b := &privateBus{t: t, dir: dir}
	t.Cleanup(b.stop)
	return b
}

func (b *privateBus) start() {
	b.t.Helper()
	b.cmd = exec.Command("dbus-daemon", "--nofork", "--print-address", "--config-file="+filepath.Join(b.dir, "bus.conf"))
	out, err := b.cmd.StdoutPipe()
	require.NoError(b.t, err)
	require.NoError(b.t, b.cmd.Start())
	require.True(b.t, bufio.NewScanner(out).Scan(), "dbus-daemon did not start")
}

func (b *privateBus) stop() {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		b.cmd = nil
	}
}

// fakeNetworkd answers as networkd does.
type fakeNetworkd struct {
	t         *testing.T
	conn      *dbus.Conn
	links     map[int]string // operational states
	namespace uint64
	hang      chan struct{} // calls wait for it, if it is not nil
}

type fakeObject struct {
	n     *fakeNetworkd
	index int
}

func (o fakeObject) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	if o.n.hang != nil {
		<-o.n.hang
	}
	word, ok := o.n.links[o.index]
	if !ok && o.index != 0 {
		return nil, dbus.NewError("org.freedesktop.DBus.Error.UnknownObject", nil)
	}
	if o.index == 0 {
		word = "routable"
	}
	return map[string]dbus.Variant{
		"OperationalState": dbus.MakeVariant(word), "AddressState": dbus.MakeVariant("../evil"), "MTU": dbus.MakeVariant(uint32(1500)),
	}, nil
}

func (o fakeObject) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(o.n.namespace), nil
}

func (o fakeObject) ListLinks() ([]struct {
	Index int32
	Name  string
	Path  dbus.ObjectPath
}, *dbus.Error) {
	var list []struct {
		Index int32
		Name  string
		Path  dbus.ObjectPath
	}
	for _, index := range []int{1, 25, 99} { // 99 vanishes before it is asked about
		list = append(list, struct {
			Index int32
			Name  string
			Path  dbus.ObjectPath
		}{int32(index), fmt.Sprintf("eth%d", index), dbus.ObjectPath(linkPath(index))})
	}
	return list, nil
}

func (b *privateBus) networkd(prepare func(*fakeNetworkd)) *fakeNetworkd {
	b.t.Helper()
	conn, err := dbus.ConnectSystemBus()
	require.NoError(b.t, err)
	n := &fakeNetworkd{t: b.t, conn: conn, links: map[int]string{1: "carrier", 25: "routable"}}
	if prepare != nil {
		prepare(n)
	}
	require.NoError(b.t, conn.Export(fakeObject{n, 0}, managerObj, managerInterface))
	require.NoError(b.t, conn.Export(fakeObject{n, 0}, managerObj, "org.freedesktop.DBus.Properties"))
	for _, index := range []int{1, 25, 99} {
		require.NoError(b.t, conn.Export(fakeObject{n, index}, dbus.ObjectPath(linkPath(index)), "org.freedesktop.DBus.Properties"))
	}
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	require.NoError(b.t, err)
	require.Equal(b.t, dbus.RequestNameReplyPrimaryOwner, reply)
	b.t.Cleanup(n.quit)
	return n
}

func (n *fakeNetworkd) quit() { _ = n.conn.Close() }

func (n *fakeNetworkd) signal(index int, word string) {
	n.t.Helper()
	changed := map[string]dbus.Variant{"OperationalState": dbus.MakeVariant(word)}
	require.NoError(n.t, n.conn.Emit(dbus.ObjectPath(linkPath(index)), "org.freedesktop.DBus.Properties.PropertiesChanged", linkInterface, changed, []string{}))
}

func runFollower(t *testing.T) *Follower {
	t.Helper()
	f := NewFollower()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

func next(t *testing.T, f *Follower) hostnet.BusEvent {
	t.Helper()
	select {
	case ev := <-f.Events():
		return ev
	case <-time.After(eventWait):
		require.Fail(t, "the follower tells nothing")
	}
	return hostnet.BusEvent{}
}

func snapshotOf(words map[int]string) hostnet.BusEvent {
	links := map[int]hostnet.States{}
	for index, word := range words {
		links[index] = hostnet.States{hostnet.OperationalState: word}
	}
	return hostnet.BusEvent{Up: &hostnet.BusSnapshot{Manager: hostnet.States{hostnet.OperationalState: "routable"}, Links: links}}
}

func changed(index int, word string) hostnet.BusEvent {
	return hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, States: hostnet.States{hostnet.OperationalState: word}}}
}

func TestFollowerThroughRestarts(t *testing.T) {
	b := newPrivateBus(t)
	f := runFollower(t)
	assert.Contains(t, next(t, f).Down, "connecting to the system bus")
	b.start()
	assert.Equal(t, errNoOwner.Error(), next(t, f).Down)

	n := b.networkd(nil)
	assert.Equal(t, snapshotOf(n.links), next(t, f))
	for _, word := range []string{"no-carrier", "carrier", "routable"} {
		n.signal(25, word)
	}
	for _, word := range []string{"no-carrier", "carrier", "routable"} {
		assert.Equal(t, changed(25, word), next(t, f))
	}
	f.Refresh(25)
	assert.Equal(t, changed(25, "routable"), next(t, f))
	f.Refresh(99)
	assert.Equal(t, hostnet.BusEvent{Changed: &hostnet.BusChange{Index: 99, Unknown: true}}, next(t, f))

	n.quit()
	assert.Equal(t, errNoOwner.Error(), next(t, f).Down)
	again := b.networkd(func(n *fakeNetworkd) { n.links = map[int]string{25: "degraded"} })
	assert.Equal(t, snapshotOf(again.links), next(t, f))

	b.stop()
	assert.NotEmpty(t, next(t, f).Down)
	assert.NoFileExists(t, filepath.Join(b.dir, "activated"))
}

func TestFollowerOfASilentNetworkd(t *testing.T) {
	b := newPrivateBus(t)
	b.start()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	b.networkd(func(n *fakeNetworkd) { n.hang = hang })
	f := NewFollower()
	f.timeout = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	assert.Equal(t, errSilent.Error(), next(t, f).Down)
	cancel()
	<-done
}

func TestFollowerOfAnotherNamespace(t *testing.T) {
	b := newPrivateBus(t)
	b.start()
	b.networkd(func(n *fakeNetworkd) { n.namespace = 1 })
	assert.Equal(t, errForeign.Error(), next(t, runFollower(t)).Down)
}

func TestQuerier(t *testing.T) {
	b := newPrivateBus(t)
	b.start()
	var q Querier
	t.Cleanup(q.Close)
	_, err := q.LinkStates(t.Context(), 25)
	require.ErrorIs(t, err, errNoOwner)
	assert.NoFileExists(t, filepath.Join(b.dir, "activated"))
	n := b.networkd(nil)
	states, err := q.LinkStates(t.Context(), 25)
	require.NoError(t, err)
	assert.Equal(t, hostnet.States{hostnet.OperationalState: "routable"}, states)
	_, err = q.LinkStates(t.Context(), 99)
	require.ErrorIs(t, err, ErrUnknownLink)
	n.quit()
	b.networkd(nil)
	_, err = q.ManagerStates(t.Context())
	assert.NoError(t, err)
}
