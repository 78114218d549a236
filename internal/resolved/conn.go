package resolved

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

// ErrNotRunning means that whoever was to be told is not there.
var ErrNotRunning = errors.New("is not running")

var (
	errSilent = errors.New("does not answer")
	// errBusy is resolved's answer for a link that networkd manages.
	errBusy = errors.New("link is managed")
)

// service is somebody on the bus.
type service struct {
	unit, name, iface string
	path              dbus.ObjectPath
	revert            string // the method that takes back what a link was given
	// flags are NoAutoStart but for who exits when idle, and is meant to be started.
	flags dbus.Flags
}

var (
	resolve1 = service{
		unit: "systemd-resolved", name: "org.freedesktop.resolve1", iface: "org.freedesktop.resolve1.Manager",
		path: "/org/freedesktop/resolve1", revert: "RevertLink", flags: dbus.FlagNoAutoStart,
	}
	network1 = service{
		unit: "systemd-networkd", name: "org.freedesktop.network1", iface: "org.freedesktop.network1.Manager",
		path: "/org/freedesktop/network1", revert: "RevertLinkDNS", flags: dbus.FlagNoAutoStart,
	}
	hostname1 = service{
		unit: "systemd-hostnamed", name: "org.freedesktop.hostname1", iface: "org.freedesktop.hostname1",
		path: "/org/freedesktop/hostname1",
	}
)

// Conn is a connection to them, for an oneshot and one goroutine. The zero value
// is ready; it connects when it is first used, and again after the bus went away.
type Conn struct {
	bus systembus.Lazy
	// silent are those that did not answer in time. They are not asked again: the
	// links of a host that waits for each in turn would be many.
	silent map[string]bool
	// mute is the error of a bus that did not answer itself.
	mute error
	// timeout is that of systembus but in tests.
	timeout time.Duration
}

// Close ends the connection, if there is one.
func (c *Conn) Close() { c.bus.Close() }

// call calls a method of a service's manager.
func (c *Conn) call(ctx context.Context, s service, method string, args ...any) (*dbus.Call, error) {
	return c.callOn(ctx, s, s.path, s.iface+"."+method, args...)
}

func (c *Conn) callOn(ctx context.Context, s service, path dbus.ObjectPath, method string, args ...any) (*dbus.Call, error) {
	if c.silent[s.name] {
		return nil, fmt.Errorf("%s %w", s.unit, errSilent)
	}
	if c.mute != nil {
		return nil, c.mute
	}
	limited, cancel := context.WithTimeout(ctx, cmp.Or(c.timeout, systembus.CallTimeout))
	defer cancel()
	bus, err := c.bus.Get(limited)
	if ctx.Err() == nil && errors.Is(err, systembus.ErrSilent) {
		c.mute = err
	}
	if err != nil {
		return nil, err
	}
	call := bus.Object(s.name, path).CallWithContext(limited, method, s.flags, args...)
	err = inOurTerms(s, call.Err)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, errSilent) {
		if c.silent == nil {
			c.silent = map[string]bool{}
		}
		c.silent[s.name] = true
	}
	return call, err
}

// inOurTerms returns the error of a call. NoSuchLink and LinkBusy have resolved's
// prefix in networkd as well, bus-common-errors.h of systemd.
func inOurTerms(s service, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s %w", s.unit, errSilent)
	}
	var e dbus.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Name {
	case "org.freedesktop.resolve1.NoSuchLink", "org.freedesktop.DBus.Error.UnknownObject", "System.Error.ENODEV", "System.Error.ENXIO":
		return hostnet.ErrLinkGone
	case "org.freedesktop.resolve1.LinkBusy":
		return fmt.Errorf("%s: %w (%w)", s.unit, errBusy, err)
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.TimedOut":
		return fmt.Errorf("%s %w", s.unit, errSilent)
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
		return fmt.Errorf("%s %w", s.unit, ErrNotRunning)
	case "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
		"org.freedesktop.DBus.Error.AuthFailed":
		return fmt.Errorf("%s: %w (%w)", s.unit, fs.ErrPermission, err)
	}
	return fmt.Errorf("%s: %w", s.unit, err)
}
