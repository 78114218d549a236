package networkd

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

const (
	// querierTimeout is how long an answer may take: a script waits for it, and the
	// kernel and networkd's files tell much the same.
	querierTimeout = 2 * time.Second
	// querierRest is how long a networkd, or a bus, that did not answer in time is
	// not asked again: each script would wait.
	querierRest = 30 * time.Second
)

// Querier asks networkd for the present states of links, for an oneshot. The
// zero value is ready; it connects when it is first asked, and again after
// the bus or networkd went away. Several goroutines may ask at once.
type Querier struct {
	bus systembus.Lazy

	mu sync.Mutex
	// conn and owner are the connection and networkd's name on it when it was last
	// made sure that the links it manages are ours.
	conn  *systembus.Conn
	owner string
	// rests is when it may ask again, silent why it did not so far.
	rests  time.Time
	silent error
	// timeout is querierTimeout but in tests.
	timeout time.Duration
}

// LinkStates returns the states of a link as networkd has them now. Where
// networkd is not to be had the error says why.
func (q *Querier) LinkStates(ctx context.Context, index int) (hostnet.States, error) {
	return q.states(ctx, linkPath(index), linkInterface)
}

// ManagerStates returns networkd's own states.
func (q *Querier) ManagerStates(ctx context.Context) (hostnet.States, error) {
	return q.states(ctx, managerObj, managerInterface)
}

func (q *Querier) states(ctx context.Context, path, iface string) (hostnet.States, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(q.timeout, querierTimeout))
	defer cancel()
	call, err := q.ask(ctx, path, iface)
	if err != nil {
		return nil, err
	}
	states, err := waitStates(call)
	q.mu.Lock()
	defer q.mu.Unlock()
	return states, q.rest(err)
}

// rest notes that nobody answered.
func (q *Querier) rest(err error) error {
	if errors.Is(err, ErrSilent) || errors.Is(err, systembus.ErrSilent) {
		q.rests, q.silent = time.Now().Add(querierRest), err
	}
	return err
}

func (q *Querier) ask(ctx context.Context, path, iface string) (*dbus.Call, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Now().Before(q.rests) {
		return nil, q.silent
	}
	call, err := q.reach(ctx, path, iface)
	return call, q.rest(err)
}

// reach looks for networkd on the bus, and asks it. Whom it asked before it asks while
// the bus says whether that is networkd yet: a script waits for both.
func (q *Querier) reach(ctx context.Context, path, iface string) (*dbus.Call, error) {
	conn, err := q.bus.Get(ctx)
	if err != nil {
		return nil, err
	}
	b := &bus{Conn: conn}
	var call *dbus.Call
	if conn == q.conn {
		call = b.properties(ctx, q.owner, path, iface)
	}
	owner, err := b.owner(ctx)
	if err != nil {
		return nil, err
	}
	if call != nil && owner == q.owner {
		return call, nil
	}
	if err := b.checkNamespace(ctx, owner); err != nil {
		return nil, err
	}
	q.conn, q.owner = conn, owner
	return b.properties(ctx, owner, path, iface), nil
}

// Close ends the connection, if there is one.
func (q *Querier) Close() { q.bus.Close() }
