package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Disturbance takes the policy routing of a Multihomed apart, as something that
// happens on real hosts does. The tests and the bench let netbrk heal the same.
type Disturbance struct {
	Name string
	// Networkd is true if networkd itself removes what is foreign to it.
	Networkd bool
	// Do returns no sooner than the disturbance has had its effect.
	Do func(context.Context, *Multihomed) error
	// Undo, which may be nil, makes the machine what it was before.
	Undo func(context.Context, *Multihomed) error
}

// Disturbances returns all of them.
func Disturbances() []Disturbance {
	return []Disturbance{
		{"networkctl reconfigure", true, reconfigure("ens5"), nil},
		{"networkctl reconfigure of another link", true, reconfigure("ens4"), nil},
		{"networkctl reload, another link's file changed", true, reload, nil},
		{"networkd restart", true, restart, nil},
		{"networkd restart with udev", true, restartWithUdev, forgetUdev},
		{"carrier lost and back", true, flapCarrier, nil},
		{"link down and up", true, downAndUp, nil},
		{"last address deleted and added", false, readdress, nil},
		{"rules deleted one by one", false, deleteRules, nil},
		{"routes deleted one by one", false, deleteRoutes, nil},
		{"DHCP address changed", true, changeLease, nil},
		{"router advertisement withdrawn and back", true, flapRouter, nil},
		{"link unplugged and plugged in", true, replug, nil},
	}
}

func reconfigure(link string) func(context.Context, *Multihomed) error {
	return func(ctx context.Context, m *Multihomed) error {
		return m.Leased(ctx, []string{link}, func() error { return m.inside(ctx, "networkctl reconfigure "+link) })
	}
}

func reload(ctx context.Context, m *Multihomed) error {
	m.changes++
	return m.Leased(ctx, []string{"ens4"}, func() error { return m.writeNetwork(ctx, "ens4", 100-m.changes) })
}

func restart(ctx context.Context, m *Multihomed) error {
	return m.Leased(ctx, []string{"ens4", "ens5"}, func() error { return m.inside(ctx, "systemctl restart systemd-networkd") })
}

func restartWithUdev(ctx context.Context, m *Multihomed) error {
	for _, link := range []string{"ens4", "ens5"} {
		if err := m.Machine.FakeUdev(ctx, link, "ID_NET_DRIVER=veth"); err != nil {
			return err
		}
	}
	return restart(ctx, m)
}

// forgetUdev restarts networkd once more: one that saw udev waits for udev to
// tell of new links.
func forgetUdev(ctx context.Context, m *Multihomed) error {
	if err := m.Machine.RemoveUdev(ctx); err != nil {
		return err
	}
	return restart(ctx, m)
}

func flapCarrier(ctx context.Context, m *Multihomed) error {
	port := m.Ports["ens5"]
	if err := port.Cut(ctx); err != nil {
		return err
	}
	if err := m.Machine.WaitLink(ctx, "ens5", "OPER_STATE=no-carrier"); err != nil {
		return err
	}
	return m.Leased(ctx, []string{"ens5"}, func() error { return port.Restore(ctx) })
}

func downAndUp(ctx context.Context, m *Multihomed) error {
	if err := m.inside(ctx, "ip link set ens5 down"); err != nil {
		return err
	}
	if err := m.Machine.WaitLink(ctx, "ens5", "OPER_STATE=off"); err != nil {
		return err
	}
	return m.Leased(ctx, []string{"ens5"}, func() error { return m.inside(ctx, "ip link set ens5 up") })
}

func readdress(ctx context.Context, m *Multihomed) error {
	return m.inside(ctx, "ip address delete 10.78.0.9/24 dev pol0", "ip address add 10.78.0.9/24 dev pol0",
		"ip route add default via 10.78.0.1 dev pol0 metric 2000")
}

func deleteRules(ctx context.Context, m *Multihomed) error {
	return m.deleteOwn(ctx, func(s NetState) []hostnet.Step {
		var steps []hostnet.Step
		for _, r := range s.Rules {
			if r.Protocol == hostnet.Protocol {
				steps = append(steps, hostnet.Step{Op: hostnet.OpDelete, IsRule: true, Rule: r})
			}
		}
		return steps
	})
}

func deleteRoutes(ctx context.Context, m *Multihomed) error {
	return m.deleteOwn(ctx, func(s NetState) []hostnet.Step {
		var steps []hostnet.Step
		for _, r := range s.Routes {
			if r.Protocol == hostnet.Protocol {
				steps = append(steps, hostnet.Step{Op: hostnet.OpDelete, Route: r})
			}
		}
		// The subnets last: a route goes with the one that reaches its gateway.
		slices.SortStableFunc(steps, func(a, b hostnet.Step) int {
			return a.Route.Destination.Bits() - b.Route.Destination.Bits()
		})
		return steps
	})
}

// deleteOwn deletes things of netbrk's, each once what went before is there
// again.
func (m *Multihomed) deleteOwn(ctx context.Context, choose func(NetState) []hostnet.Step) error {
	state, err := m.Machine.NetState()
	if err != nil {
		return err
	}
	steps := choose(state)
	if len(steps) == 0 {
		return fmt.Errorf("nothing of netbrk's to delete")
	}
	for _, step := range steps {
		command := step.Command(func(index int) string { return state.Links[index].Name })
		if err := m.inside(ctx, command); err != nil {
			return err
		}
		if err := m.WaitRight(ctx); err != nil {
			return fmt.Errorf("after %q: %w", command, err)
		}
	}
	return nil
}

// changeLease has the DHCP server take ens5's address back: it hands out others
// now, and says no to whoever asks for one of the former. A client that renews
// does not hear that no, which is broadcast, before its lease ends.
func changeLease(ctx context.Context, m *Multihomed) error {
	state, err := m.Machine.NetState()
	if err != nil {
		return err
	}
	old, _ := state.Address("ens5", hostnet.IPv4)
	first := netip.MustParseAddr("10.77.0.100")
	if elsewhere := netip.MustParseAddr("10.77.0.200"); old.Less(elsewhere) {
		first = elsewhere
	}
	if err := m.serveDHCP(ctx, first); err != nil {
		return err
	}
	return reconfigure("ens5")(ctx, m)
}

// routerLifetime is dnsmasq's. A router that comes up advertises itself some times on
// end (RFC 4861 section 6.2.4): networkd 257, on a busy machine, was at taking the
// route back when the first one came, and lost it.
const (
	routerLifetime  = 30 * time.Minute
	advertiseAgain  = 5 * time.Second
	advertisedTimes = 6
)

func flapRouter(ctx context.Context, m *Multihomed) error {
	if err := m.Segment.Advertise(0); err != nil {
		return err
	}
	if err := m.waitRouter(ctx, "gone", false); err != nil {
		return err
	}
	var err error
	for range advertisedTimes {
		if err := m.Segment.Advertise(routerLifetime); err != nil {
			return err
		}
		again, cancel := context.WithTimeout(ctx, advertiseAgain)
		err = m.waitRouter(again, "back", true)
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

// waitRouter waits until ens5 has, or lacks, the router's default route.
func (m *Multihomed) waitRouter(ctx context.Context, how string, there bool) error {
	return m.Machine.WaitNet(ctx, "the router to be "+how, func() (bool, error) {
		state, err := m.Machine.NetState()
		lacks := slices.ContainsFunc(m.Lacking(state), func(l string) bool { return strings.HasPrefix(l, "ens5 has no default route") })
		return lacks != there, err
	})
}

// replug gives the link another ifindex.
func replug(ctx context.Context, m *Multihomed) error {
	port := m.Ports["ens5"]
	if err := port.Detach(ctx); err != nil {
		return err
	}
	return m.Leased(ctx, []string{"ens5"}, func() error { return m.plug(ctx, m.Segment, port.Link) })
}
