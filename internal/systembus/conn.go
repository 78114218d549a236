// Package systembus connects to the system bus for those who have something to
// ask there.
package systembus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
)

// CallTimeout is how long an answer may take before its sender counts as silent:
// a service that was stopped, or hangs, keeps its name on the bus.
const CallTimeout = 5 * time.Second

var (
	// ErrSilent means that the bus took the connection and says nothing.
	ErrSilent = errors.New("the system bus does not answer")
	// ErrNoOwner means that nobody has the name that was asked for.
	ErrNoOwner = errors.New("name is not on the bus")
)

// Conn is a connection to the system bus.
type Conn struct {
	*dbus.Conn

	cancel context.CancelFunc
}

// Dial connects to the system bus. The connection ends with ctx.
func Dial(ctx context.Context, options ...dbus.ConnOption) (*Conn, error) {
	// Nothing in the handshake has a time limit of its own: a bus that was
	// stopped accepts the connection and then says nothing.
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(CallTimeout, cancel)
	conn, err := dbus.ConnectSystemBus(append(options,
		dbus.WithContext(ctx), dbus.WithAuth(dbus.AuthExternal(strconv.Itoa(os.Geteuid()))))...)
	if !late.Stop() {
		err = ErrSilent
	}
	if err != nil {
		cancel()
		if conn != nil {
			_ = conn.Close()
		}
		return nil, fmt.Errorf("connecting to the system bus: %w", err)
	}
	return &Conn{conn, cancel}, nil
}

// DialFor is Dial for a connection that outlives ctx: it is only made no longer
// than ctx lasts.
func DialFor(ctx context.Context, options ...dbus.ConnOption) (*Conn, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	conn, err := Dial(life, options...)
	if stop() {
		return conn, err
	}
	if err == nil {
		conn.Close()
	}
	if err = ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
		err = ErrSilent
	}
	return nil, fmt.Errorf("connecting to the system bus: %w", err)
}

// Close ends the connection.
func (c *Conn) Close() {
	_ = c.Conn.Close()
	c.cancel()
}

// Owner returns the unique name of whoever has a name, or ErrNoOwner. It starts
// nobody.
func (c *Conn) Owner(ctx context.Context, name string) (string, error) {
	var owner string
	err := Store(c.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, name), &owner)
	if IsError(err, "org.freedesktop.DBus.Error.NameHasNoOwner") {
		return "", fmt.Errorf("%s: %w", name, ErrNoOwner)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrSilent // it answers that itself
	}
	if err != nil {
		return "", fmt.Errorf("asking for the owner of %s: %w", name, err)
	}
	return owner, nil
}

// Subscribe asks for the signals that match.
func (c *Conn) Subscribe(ctx context.Context, match ...dbus.MatchOption) error {
	err := c.AddMatchSignalContext(ctx, match...)
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrSilent
	}
	if err != nil {
		return fmt.Errorf("subscribing to signals: %w", err)
	}
	return nil
}

// Call starts a method call. Addressed to a unique name, and with the flag
// besides, it activates nothing.
func (c *Conn) Call(ctx context.Context, owner string, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return c.Object(owner, path).GoWithContext(ctx, method, dbus.FlagNoAutoStart, nil, args...)
}

// Store takes the answer of a call into a value of ours. godbus panics on types that
// the bus passes on and Go's reflection cannot name, such as an empty a{bv} where
// a variant is wanted (5.2.4): to whoever answers with one that must not be an end of us.
func Store(call *dbus.Call, into any) error {
	if call.Err != nil {
		return call.Err
	}
	return store(call.Body, into)
}

// StoreVariant takes what a variant holds, as Store does.
func StoreVariant(v dbus.Variant, into any) error { return store([]any{v.Value()}, into) }

func store(from []any, into any) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("it cannot be read as %T", into)
		}
	}()
	return dbus.Store(from, into)
}

// IsError reports whether err is the D-Bus error of that name.
func IsError(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}
