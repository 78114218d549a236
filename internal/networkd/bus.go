package networkd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

var (
	// ErrNoOwner means that networkd is not running, or lost the bus: it does
	// not come back by itself when the bus was restarted (systemd 252).
	ErrNoOwner = errors.New("systemd-networkd is not on the bus")
	// ErrBusSilent means that the bus itself does not answer.
	ErrBusSilent = systembus.ErrSilent
	// ErrSilent means that networkd has its name and does not answer.
	ErrSilent = errors.New("systemd-networkd does not answer")
	// errForeign means a bus that is shared with another network namespace.
	errForeign     = errors.New("systemd-networkd on the bus manages another network namespace")
	errUnknownLink = errors.New("link is unknown to systemd-networkd")
)

// inbox is a godbus signal handler that keeps signals in the order in which
// the bus sent them, between the replies that godbus hands out from the same
// goroutine: a signal that came before a reply is in the inbox when the reply
// is there. godbus's own handlers start goroutines when a channel is full.
type inbox struct {
	mu     sync.Mutex
	queue  []*dbus.Signal
	notify chan struct{}
}

func newInbox() *inbox { return &inbox{notify: make(chan struct{}, 1)} }

// DeliverSignal implements dbus.SignalHandler.
func (in *inbox) DeliverSignal(_, _ string, s *dbus.Signal) {
	in.mu.Lock()
	in.queue = append(in.queue, s)
	in.mu.Unlock()
	select {
	case in.notify <- struct{}{}:
	default:
	}
}

func (in *inbox) take() []*dbus.Signal {
	in.mu.Lock()
	defer in.mu.Unlock()
	q := in.queue
	in.queue = nil
	return q
}

// bus is one connection to the system bus. Who only asks needs no inbox.
type bus struct {
	*systembus.Conn

	inbox *inbox
}

func dialBus(ctx context.Context) (*bus, error) {
	in := newInbox()
	conn, err := systembus.Dial(ctx, dbus.WithSignalHandler(in))
	if err != nil {
		return nil, err
	}
	return &bus{conn, in}, nil
}

// subscribe asks for the signals of networkd, and for those of the bus about
// networkd's name. The bus filters by the present owner of the name, so
// nobody else's signals arrive (CVE-2022-29799).
func (b *bus) subscribe(ctx context.Context) error {
	rules := [][]dbus.MatchOption{{
		dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, busName),
	}, {
		dbus.WithMatchSender(busName), dbus.WithMatchInterface("org.freedesktop.DBus.Properties"),
		dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchPathNamespace(managerObj),
	}}
	for _, rule := range rules {
		if err := b.Subscribe(ctx, rule...); err != nil {
			return err
		}
	}
	return nil
}

// owner returns the unique name of networkd.
func (b *bus) owner(ctx context.Context) (string, error) {
	owner, err := b.Owner(ctx, busName)
	if errors.Is(err, systembus.ErrNoOwner) {
		return "", ErrNoOwner
	}
	return owner, err
}

func (b *bus) properties(ctx context.Context, owner, path, iface string) *dbus.Call {
	return b.Call(ctx, owner, dbus.ObjectPath(path), "org.freedesktop.DBus.Properties.GetAll", iface)
}

// wait returns a call's error in our terms.
func wait(call *dbus.Call) error {
	<-call.Done
	switch {
	case call.Err == nil:
		return nil
	case errors.Is(call.Err, context.DeadlineExceeded), systembus.IsError(call.Err, "org.freedesktop.DBus.Error.NoReply"):
		return ErrSilent
	case systembus.IsError(call.Err, "org.freedesktop.DBus.Error.UnknownObject"):
		return errUnknownLink
	case systembus.IsError(call.Err, "org.freedesktop.DBus.Error.ServiceUnknown"), systembus.IsError(call.Err, "org.freedesktop.DBus.Error.NameHasNoOwner"):
		return ErrNoOwner
	}
	return call.Err
}

// waitStates returns the properties that a GetAll call brought.
func waitStates(call *dbus.Call) (hostnet.States, error) {
	if err := wait(call); err != nil {
		return nil, err
	}
	return storedStates(call)
}

func storedStates(call *dbus.Call) (hostnet.States, error) {
	var values map[string]dbus.Variant
	if err := systembus.Store(call, &values); err != nil {
		return nil, fmt.Errorf("reading properties: %w", err)
	}
	return checkedStates(values), nil
}

// checkedStates keeps the properties that hooks see and whose words are known.
func checkedStates(values map[string]dbus.Variant) hostnet.States {
	states := hostnet.States{}
	for _, p := range hostnet.Properties() {
		word, ok := values[string(p)].Value().(string)
		if ok && hostnet.IsState(p, word) {
			states[p] = word
		}
	}
	return states
}

// checkNamespace makes sure that the networkd on this bus manages the links
// that we see: a container may share its host's bus. NamespaceId is told since
// systemd 252; an older one is taken at its word.
func (b *bus) checkNamespace(ctx context.Context, owner string) error {
	call := b.Call(ctx, owner, managerObj, "org.freedesktop.DBus.Properties.Get", managerInterface, "NamespaceId")
	if err := wait(call); err != nil {
		if errors.Is(err, ErrSilent) || errors.Is(err, ErrNoOwner) {
			return err
		}
		return nil
	}
	id, ok := namespaceID(call)
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &st); err != nil || !ok || id == 0 {
		return nil
	}
	if st.Ino != id {
		return errForeign
	}
	return nil
}

func namespaceID(call *dbus.Call) (uint64, bool) {
	var v dbus.Variant
	if err := systembus.Store(call, &v); err != nil {
		return 0, false
	}
	id, ok := v.Value().(uint64)
	return id, ok
}

// links returns the ifindexes of the links that networkd knows.
func (b *bus) links(ctx context.Context, owner string) ([]int, error) {
	call := b.Call(ctx, owner, managerObj, managerInterface+".ListLinks")
	if err := wait(call); err != nil {
		return nil, err
	}
	return linkIndexes(call)
}

// listed is a link as ListLinks tells of it.
type listed struct {
	Index int32
	Name  string
	Path  dbus.ObjectPath
}

// linkIndexes takes each link once: as many questions follow.
func linkIndexes(call *dbus.Call) ([]int, error) {
	var entries []listed
	if err := systembus.Store(call, &entries); err != nil {
		return nil, fmt.Errorf("reading the list of links: %w", err)
	}
	indexes := make([]int, 0, len(entries))
	for _, e := range entries {
		if e.Index > 0 {
			indexes = append(indexes, int(e.Index))
		}
	}
	slices.Sort(indexes)
	return slices.Compact(indexes), nil
}
