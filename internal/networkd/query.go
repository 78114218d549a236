package networkd

import (
	"context"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

// Querier asks networkd for the present states of links, for an oneshot. The
// zero value is ready; it connects when it is first asked, and again after
// the bus or networkd went away. Several goroutines may ask at once.
type Querier struct {
	mu    sync.Mutex
	bus   *bus
	owner string
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
	ctx, cancel := context.WithTimeout(ctx, systembus.CallTimeout)
	defer cancel()
	call, err := q.ask(ctx, path, iface)
	if err != nil {
		return nil, err
	}
	return waitStates(call)
}

func (q *Querier) ask(ctx context.Context, path, iface string) (*dbus.Call, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.connect(ctx); err != nil {
		return nil, err
	}
	return q.bus.properties(ctx, q.owner, path, iface), nil
}

func (q *Querier) connect(ctx context.Context) error {
	if q.bus != nil && q.bus.Connected() && q.ownerStands(ctx) {
		return nil
	}
	q.drop()
	// The connection outlives this call.
	b, err := dialBus(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	owner, err := b.owner(ctx)
	if err == nil {
		err = b.checkNamespace(ctx, owner)
	}
	if err != nil {
		b.Close()
		return err
	}
	q.bus, q.owner = b, owner
	return nil
}

func (q *Querier) ownerStands(ctx context.Context) bool {
	owner, err := q.bus.owner(ctx)
	return err == nil && owner == q.owner
}

// Close ends the connection, if there is one.
func (q *Querier) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop()
}

func (q *Querier) drop() {
	if q.bus != nil {
		q.bus.Close()
		q.bus = nil
	}
}
