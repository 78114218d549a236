package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// World is a machine and the lab around it, with one segment that hands out
// addresses. The machine has no link yet but lo, and asks for an address on each
// link called ens* that it is given.
type World struct {
	Machine *Machine
	Lab     *Lab
	Segment *Segment
	DHCP    *Process

	root *Root
}

// dhcpNetwork is how a new machine treats the links it is given. No router is
// there to advertise itself, and networkd takes 12 seconds to find out before it
// calls a link configured.
const dhcpNetwork = `[Match]
Name=ens*

[Network]
DHCP=ipv4
IPv6AcceptRA=no
`

// NewWorld makes a world and boots its machine. prepare, which may be nil, is
// given the machine before it boots.
func (c *Cache) NewWorld(ctx context.Context, suite string, prepare func(context.Context, *Machine) error) (*World, error) {
	w := &World{}
	err := func() (err error) {
		if w.root, err = c.Root(ctx, suite); err != nil {
			return err
		}
		if err := w.addLab(ctx); err != nil {
			return err
		}
		if w.Machine, err = c.NewMachine(w.root); err != nil {
			return err
		}
		if err := w.Machine.WriteNetwork(ctx, "50-dhcp.network", dhcpNetwork); err != nil {
			return err
		}
		if prepare != nil {
			if err := prepare(ctx, w.Machine); err != nil {
				return err
			}
		}
		return w.Machine.Boot(ctx)
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a world of %q: %w", suite, err), w.Close())
	}
	return w, nil
}

func (w *World) addLab(ctx context.Context) (err error) {
	if w.Lab, err = NewLab(ctx); err != nil {
		return err
	}
	w.Segment, err = w.Lab.AddSegment(ctx, "lan0", netip.MustParsePrefix("10.77.0.1/24"))
	if err != nil {
		return err
	}
	w.DHCP, err = w.Segment.ServeDHCP(ctx, DHCP{
		First: netip.MustParseAddr("10.77.0.100"),
		Last:  netip.MustParseAddr("10.77.0.199"),
		Lease: time.Hour,
		Options: []string{
			"--dhcp-option=option:dns-server,10.77.0.1",
			"--dhcp-option=option:domain-name,e2e.example",
		},
	})
	return err
}

// Close removes the world.
func (w *World) Close() error {
	var errs []error
	if w.Machine != nil {
		errs = append(errs, w.Machine.Close())
	}
	if w.Lab != nil {
		errs = append(errs, w.Lab.Close())
	}
	if w.root != nil {
		errs = append(errs, w.root.Release())
	}
	*w = World{}
	return errors.Join(errs...)
}

// Attach plugs a link into the machine's first segment for the time of the test.
func (w *World) Attach(t testing.TB, link Link) *Port {
	t.Helper()
	p, err := w.Segment.Attach(t.Context(), w.Machine, link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// t.Context() has ended by now.
		if err := p.Detach(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// explain shows what the machine and the lab have to say of a failure.
func (w *World) explain(t *testing.T) {
	if !t.Failed() || w.Machine.Leader() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"ip", "address"},
		{"ip", "rule"},
		{"networkctl", "list", "--no-pager"},
		{"journalctl", "--boot", "--no-pager", "--lines=100", "--output=short-monotonic"},
	} {
		out, err := w.Machine.Run(ctx, args...)
		t.Logf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Logf("console:\n%s\nDHCP server:\n%s", w.Machine.Console(), tail(w.DHCP.Output()))
}
