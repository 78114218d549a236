package networkd

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

// eventWait bounds a test that fails.
const eventWait = 20 * time.Second

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

func (o fakeObject) ListLinks() ([]listed, *dbus.Error) {
	var list []listed
	for _, index := range []int{1, 25, 99} { // 99 vanishes before it is asked about
		list = append(list, listed{int32(index), fmt.Sprintf("eth%d", index), dbus.ObjectPath(linkPath(index))})
	}
	return list, nil
}

func newFakeNetworkd(t *testing.T, b *bustest.Bus, prepare func(*fakeNetworkd)) *fakeNetworkd {
	t.Helper()
	conn := b.Conn()
	n := &fakeNetworkd{t: t, conn: conn, links: map[int]string{1: "carrier", 25: "routable"}}
	if prepare != nil {
		prepare(n)
	}
	require.NoError(t, conn.Export(fakeObject{n, 0}, managerObj, managerInterface))
	require.NoError(t, conn.Export(fakeObject{n, 0}, managerObj, "org.freedesktop.DBus.Properties"))
	for _, index := range []int{1, 25, 99} {
		require.NoError(t, conn.Export(fakeObject{n, index}, dbus.ObjectPath(linkPath(index)), "org.freedesktop.DBus.Properties"))
	}
	reply, err := conn.RequestName(busName, dbus.NameFlagDoNotQueue)
	require.NoError(t, err)
	require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
	return n
}

func (n *fakeNetworkd) quit() { _ = n.conn.Close() }

func (n *fakeNetworkd) signal(index int, word string) {
	n.t.Helper()
	changed := map[string]dbus.Variant{"OperationalState": dbus.MakeVariant(word)}
	require.NoError(n.t, n.conn.Emit(dbus.ObjectPath(linkPath(index)), "org.freedesktop.DBus.Properties.PropertiesChanged", linkInterface, changed, []string{}))
}

func (n *fakeNetworkd) dhcpSignal(path dbus.ObjectPath, values map[string]dbus.Variant) {
	n.t.Helper()
	require.NoError(n.t, n.conn.Emit(path, "org.freedesktop.DBus.Properties.PropertiesChanged", dhcpInterface, values, []string{}))
}

// silence is after how long somebody counts as silent, and long enough for those who
// are not.
const silence = 500 * time.Millisecond

// runFollower runs one that takes whoever does not answer in time for silent.
func runFollower(t *testing.T, timeout time.Duration) *Follower {
	t.Helper()
	f := NewFollower()
	f.timeout = timeout
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
	b := bustest.New(t, busName)
	f := runFollower(t, systembus.CallTimeout)
	assert.Contains(t, next(t, f).Down, "connecting to the system bus")
	b.Start()
	assert.Equal(t, ErrNoOwner.Error(), next(t, f).Down)

	n := newFakeNetworkd(t, b, nil)
	assert.Equal(t, snapshotOf(n.links), next(t, f))
	for _, word := range []string{"no-carrier", "carrier", "routable"} {
		n.signal(25, word)
	}
	for _, word := range []string{"no-carrier", "carrier", "routable"} {
		assert.Equal(t, changed(25, word), next(t, f))
	}
	// Of a DHCP client all that counts is that there is something to look at.
	bound := map[string]dbus.Variant{"State": dbus.MakeVariant("bound")}
	n.dhcpSignal(dbus.ObjectPath(linkPath(25)), bound)
	assert.Equal(t, hostnet.BusEvent{Changed: &hostnet.BusChange{Index: 25, Lease: true}}, next(t, f))
	n.dhcpSignal(dbus.ObjectPath(linkPath(25)), map[string]dbus.Variant{"Other": dbus.MakeVariant("bound")})
	n.dhcpSignal(managerObj, bound)
	f.Refresh(25)
	assert.Equal(t, changed(25, "routable"), next(t, f))
	f.Refresh(99)
	assert.Equal(t, hostnet.BusEvent{Changed: &hostnet.BusChange{Index: 99, Unknown: true}}, next(t, f))

	n.quit()
	assert.Equal(t, ErrNoOwner.Error(), next(t, f).Down)
	again := newFakeNetworkd(t, b, func(n *fakeNetworkd) { n.links = map[int]string{25: "degraded"} })
	assert.Equal(t, snapshotOf(again.links), next(t, f))

	b.Stop()
	assert.NotEmpty(t, next(t, f).Down)
	assert.False(t, b.Activated())
}

func TestFollowerOfASilentNetworkd(t *testing.T) {
	b := bustest.New(t, busName)
	b.Start()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	newFakeNetworkd(t, b, func(n *fakeNetworkd) { n.hang = hang })
	assert.Equal(t, ErrSilent.Error(), next(t, runFollower(t, silence)).Down)
}

// TestFollowerOfAStoppedBus: it says which of the two is silent, once, and comes
// back with the bus.
func TestFollowerOfAStoppedBus(t *testing.T) {
	b := bustest.New(t, busName)
	b.Start()
	n := newFakeNetworkd(t, b, nil)
	f := runFollower(t, silence)
	assert.Equal(t, snapshotOf(n.links), next(t, f))
	require.NoError(t, b.Process().Signal(unix.SIGSTOP))
	f.Refresh(25)
	assert.Equal(t, ErrSilent.Error(), next(t, f).Down)
	assert.Equal(t, systembus.ErrSilent.Error(), next(t, f).Down)
	require.NoError(t, b.Process().Signal(unix.SIGCONT))
	assert.Equal(t, snapshotOf(n.links), next(t, f))
}

// TestFollowerOfAMuteBus: a bus that was stopped after it had let us in, and before
// it was asked for signals.
func TestFollowerOfAMuteBus(t *testing.T) {
	bustest.Mute(t)
	f := runFollower(t, silence)
	assert.Equal(t, systembus.ErrSilent.Error(), next(t, f).Down)
}

// TestSyncGivesUp: the bus keeps the questions that nobody answers, so their number
// on one connection is bounded.
func TestSyncGivesUp(t *testing.T) {
	b := bustest.New(t, busName)
	b.Start()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	newFakeNetworkd(t, b, func(n *fakeNetworkd) { n.hang = hang })
	f := NewFollower()
	f.timeout = silence
	told := ""
	s := &session{Follower: f, told: &told, silent: mostSilent - 2}
	var err error
	s.bus, err = dialBus(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.bus.Close)
	again, err := s.sync(t.Context())
	require.NoError(t, err)
	require.NotNil(t, again)
	_, err = s.sync(t.Context())
	assert.ErrorIs(t, err, ErrSilent)
}

func TestFollowerOfAnotherNamespace(t *testing.T) {
	b := bustest.New(t, busName)
	b.Start()
	newFakeNetworkd(t, b, func(n *fakeNetworkd) { n.namespace = 1 })
	assert.Equal(t, errForeign.Error(), next(t, runFollower(t, systembus.CallTimeout)).Down)
}
