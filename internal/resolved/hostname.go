package resolved

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

// HostName returns the name that the host has now, and the static one, which wins
// over any that SetHostName sets; it is empty where there is none.
func (c *Conn) HostName(ctx context.Context) (now, static string, err error) {
	for property, into := range map[string]*string{"Hostname": &now, "StaticHostname": &static} {
		if *into, err = c.hostProperty(ctx, property); err != nil {
			return "", "", fmt.Errorf("reading the host name: %w", err)
		}
	}
	return now, static, nil
}

func (c *Conn) hostProperty(ctx context.Context, property string) (string, error) {
	call, err := c.callOn(ctx, hostname1, hostname1.path, "org.freedesktop.DBus.Properties.Get", hostname1.iface, property)
	if err != nil {
		return "", err
	}
	return storedName(call)
}

// storedName takes a text alone: Variant.Store would make one of a number.
func storedName(call *dbus.Call) (string, error) {
	var value dbus.Variant
	if err := systembus.Store(call, &value); err != nil {
		return "", err
	}
	name, ok := value.Value().(string)
	if !ok {
		return "", fmt.Errorf("the answer of %s is of type %q", hostname1.unit, value.Signature())
	}
	return name, nil
}

// SetHostName sets the transient host name. hostnamed takes an empty name for
// none, so only what can be a name is sent.
func (c *Conn) SetHostName(ctx context.Context, name string) error {
	if !hostnet.ValidHostName(name) {
		return fmt.Errorf("setting the host name: %q is not one", name)
	}
	if _, err := c.call(ctx, hostname1, "SetHostname", name, false); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	return nil
}
