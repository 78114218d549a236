package networkd

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

const (
	// firstRetry and lastRetry bound the wait between attempts to reach the
	// bus, or a networkd that does not answer; it doubles from one to the other.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
	// mostSilent is how often on end a networkd that does not answer is asked on one
	// connection. The bus keeps each question, and in the end takes no more.
	mostSilent = 32
	// callsAtOnce is how many links are asked about side by side.
	callsAtOnce = 64
	// questions is how many links may wait to be asked about.
	questions = 1024
)

// Follower follows networkd on the system bus, through restarts of either.
type Follower struct {
	events  chan hostnet.BusEvent
	refresh chan int
	// timeout is that of systembus but in tests.
	timeout time.Duration
}

// NewFollower returns a follower; Run makes it work.
func NewFollower() *Follower {
	return &Follower{events: make(chan hostnet.BusEvent, 16), refresh: make(chan int, questions), timeout: systembus.CallTimeout}
}

// Events delivers what networkd tells, in the order in which it told it. The
// first event is Up or Down.
func (f *Follower) Events() <-chan hostnet.BusEvent { return f.events }

// Refresh asks networkd for all properties of a link. The answer comes as a
// change; no answer makes the follower go down until networkd answers. Where
// too many questions wait one is dropped: networkd signals what changes anyhow.
func (f *Follower) Refresh(index int) {
	select {
	case f.refresh <- index:
	default:
	}
}

// Run follows networkd until ctx is done. What keeps it from networkd is told
// as events, each reason once.
func (f *Follower) Run(ctx context.Context) {
	told := ""
	retry := firstRetry
	for ctx.Err() == nil {
		s := &session{Follower: f, told: &told}
		err := s.run(ctx)
		if s.wasUp {
			retry = firstRetry
		}
		s.down(ctx, err)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
}

// session is one connection to the bus.
type session struct {
	*Follower
	bus   *bus
	owner string // networkd's unique name; empty: none, or not to be used
	told  *string
	wasUp bool
	// silent counts the attempts on end that met with no answer.
	silent int
	// fresh holds, for each link of the last snapshot, the place of its answer
	// in the order of messages: a signal from before it is part of it. It is
	// dropped once newest, the last of them, has passed.
	fresh  map[int]dbus.Sequence
	newest dbus.Sequence
}

func (s *session) run(ctx context.Context) error {
	b, err := dialBus(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	s.bus = b
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	err = b.subscribe(limited)
	cancel()
	if err != nil {
		return err
	}
	resync, err := s.sync(ctx)
	for err == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.Context().Done():
			return errors.New("the system bus closed the connection")
		case <-b.inbox.notify:
			if s.deliver(ctx, b.inbox.take()) {
				resync, err = s.sync(ctx)
			}
		case index := <-s.refresh:
			if s.owner != "" && !s.ask(ctx, index) {
				resync = time.After(firstRetry)
			}
		case <-resync:
			resync, err = s.sync(ctx)
		}
	}
	return err
}

// sync reads all that networkd knows and tells it. Where networkd is there
// and silent it returns a timer for the next attempt, and an error where it is the
// bus: each further question would lie in the socket's buffer, and whoever writes
// to a full one waits without limit.
func (s *session) sync(ctx context.Context) (<-chan time.Time, error) {
	calls, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	snapshot, owner, err := s.snapshot(calls)
	if err != nil {
		s.owner = ""
		s.down(ctx, err)
		if errors.Is(err, ErrNoOwner) || errors.Is(err, errForeign) {
			return nil, nil // NameOwnerChanged tells when that ends
		}
		if s.silent++; s.silent == mostSilent || errors.Is(err, systembus.ErrSilent) {
			return nil, err
		}
		return time.After(lastRetry), nil
	}
	s.owner, s.wasUp, s.silent, *s.told = owner, true, 0, ""
	s.send(ctx, hostnet.BusEvent{Up: snapshot})
	return nil, nil
}

func (s *session) snapshot(ctx context.Context) (*hostnet.BusSnapshot, string, error) {
	owner, err := s.bus.owner(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := s.bus.checkNamespace(ctx, owner); err != nil {
		return nil, "", err
	}
	s.fresh, s.newest = map[int]dbus.Sequence{}, 0
	call := s.bus.properties(ctx, owner, managerObj, managerInterface)
	manager, err := s.answer(0, call)
	if err != nil {
		return nil, "", err
	}
	indexes, err := s.bus.links(ctx, owner)
	if err != nil {
		return nil, "", err
	}
	snap := &hostnet.BusSnapshot{Manager: manager, Links: make(map[int]hostnet.States, len(indexes))}
	for len(indexes) > 0 {
		batch := indexes[:min(callsAtOnce, len(indexes))]
		indexes = indexes[len(batch):]
		calls := make([]*dbus.Call, len(batch))
		for i, index := range batch {
			calls[i] = s.bus.properties(ctx, owner, linkPath(index), linkInterface)
		}
		for i, call := range calls {
			states, err := s.answer(batch[i], call)
			if errors.Is(err, errUnknownLink) {
				continue // it vanished meanwhile
			}
			if err != nil {
				return nil, "", err
			}
			snap.Links[batch[i]] = states
		}
	}
	return snap, owner, nil
}

// answer waits for the properties of a link, and remembers their place in the
// order of messages.
func (s *session) answer(index int, call *dbus.Call) (hostnet.States, error) {
	states, err := waitStates(call)
	s.fresh[index] = call.ResponseSequence
	s.newest = max(s.newest, call.ResponseSequence)
	return states, err
}

// stale reports whether a signal is older than what a snapshot told.
func (s *session) stale(index int, at dbus.Sequence) bool {
	if at > s.newest {
		s.fresh = nil
		return false
	}
	return at < s.fresh[index]
}

// ask reads one link's properties and tells them. It returns false when
// networkd does not answer.
func (s *session) ask(ctx context.Context, index int) bool {
	calls, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	call := s.bus.properties(calls, s.owner, linkPath(index), linkInterface)
	states, err := waitStates(call)
	signals := s.bus.inbox.take()
	older := 0
	for older < len(signals) && signals[older].Sequence < call.ResponseSequence {
		older++
	}
	if s.deliver(ctx, signals[:older]) {
		s.down(ctx, ErrNoOwner)
		return false
	}
	switch {
	case errors.Is(err, errUnknownLink):
		s.send(ctx, hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, Unknown: true}})
	case err != nil:
		s.owner = ""
		s.down(ctx, err)
		return false
	default:
		s.send(ctx, hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, States: states}})
	}
	return !s.deliver(ctx, signals[older:])
}

// deliver tells the changes that signals bring. It returns true when networkd
// came, went or was started anew, and all must be read again.
func (s *session) deliver(ctx context.Context, signals []*dbus.Signal) (resync bool) {
	for _, sig := range signals {
		if ownerChanged(sig) {
			s.owner = ""
			resync = true
			continue
		}
		if s.owner == "" || sig.Sender != s.owner {
			continue
		}
		if change, ok := decodeSignal(sig); ok && (change.Lease || !s.stale(change.Index, sig.Sequence)) {
			s.send(ctx, hostnet.BusEvent{Changed: &change})
		}
	}
	return resync
}

// down tells why networkd cannot be heard, once per reason.
func (s *session) down(ctx context.Context, err error) {
	if errors.Is(err, systembus.ErrSilent) {
		err = systembus.ErrSilent // at whichever question
	}
	if ctx.Err() != nil || err == nil || *s.told == err.Error() {
		return
	}
	*s.told = err.Error()
	s.send(ctx, hostnet.BusEvent{Down: err.Error()})
}

func (s *session) send(ctx context.Context, ev hostnet.BusEvent) {
	select {
	case s.events <- ev:
	case <-ctx.Done():
	}
}

// ownerChanged reports whether networkd's name came, went or changed hands.
func ownerChanged(sig *dbus.Signal) bool {
	if sig.Name != "org.freedesktop.DBus.NameOwnerChanged" || len(sig.Body) != 3 {
		return false
	}
	name, _ := sig.Body[0].(string)
	return name == busName
}

// decodeSignal reads a PropertiesChanged signal of a link, of its DHCP client
// or of the manager.
func decodeSignal(sig *dbus.Signal) (hostnet.BusChange, bool) {
	if sig.Name != "org.freedesktop.DBus.Properties.PropertiesChanged" || len(sig.Body) < 2 {
		return hostnet.BusChange{}, false
	}
	iface, _ := sig.Body[0].(string)
	values, _ := sig.Body[1].(map[string]dbus.Variant)
	if iface == dhcpInterface {
		index, ok := linkIndex(string(sig.Path))
		_, told := values["State"]
		return hostnet.BusChange{Index: index, Lease: true}, ok && told
	}
	change := hostnet.BusChange{States: checkedStates(values)}
	switch {
	case iface == managerInterface && sig.Path == managerObj:
		return change, len(change.States) > 0
	case iface == linkInterface:
		index, ok := linkIndex(string(sig.Path))
		change.Index = index
		return change, ok && len(change.States) > 0
	}
	return hostnet.BusChange{}, false
}
