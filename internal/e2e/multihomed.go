package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// rulesConfig has netbrk give two of a Multihomed's links a table each.
const rulesConfig = `[Network]
RoutingPolicyRules = "ens5 pol*"
`

// RulesConfig configures netbrk for a Multihomed, for NewFleet and NewWorld.
func RulesConfig(ctx context.Context, m *Machine) error {
	if err := Install(ctx, m); err != nil {
		return err
	}
	return m.WriteFile("/etc/netbrk/netbrk.toml.d/50-rules.toml", []byte(rulesConfig), 0o644)
}

// Outside returns an address of the lab behind the gateway of all segments.
func Outside(family hostnet.Family) netip.Addr {
	if family == hostnet.IPv6 {
		return netip.MustParseAddr("2001:db8::1")
	}
	return netip.MustParseAddr("192.0.2.1")
}

// Multihomed is a machine with three NICs. ens4 and ens5 are in one segment, and
// both have a DHCP lease and an address from router advertisements. pol0 is in
// another segment and has a static address; networkd does not manage it. netbrk
// has rules for ens5 and pol0.
type Multihomed struct {
	*World
	Ports map[string]*Port

	other   *Segment // pol0's
	ra      *Process
	changes int // of ens4's file, each unlike the last
}

// multihomedNetwork is a .network file of ens4 and ens5. Routes by IPv6 differ in
// their metric, too: of equal ones the kernel makes one route of two hops, and
// whenever networkd refreshes one it replaces both.
const multihomedNetwork = `[Match]
Name=%[1]s

[Network]
DHCP=ipv4
IPv6AcceptRA=yes

[DHCPv4]
RouteMetric=%[2]d

[IPv6AcceptRA]
RouteMetric=%[2]d
`

// Multihome plugs the links in. Close takes them out again.
func (w *World) Multihome(ctx context.Context) (*Multihomed, error) {
	m := &Multihomed{World: w, Ports: make(map[string]*Port)}
	err := func() (err error) {
		if m.ra, err = w.Segment.ServeRA(ctx, netip.MustParsePrefix("2001:db8:77::/64")); err != nil {
			return err
		}
		if m.other, err = w.Lab.AddSegment(ctx, "lan1", netip.MustParsePrefix("10.78.0.1/24")); err != nil {
			return err
		}
		for _, family := range []hostnet.Family{hostnet.IPv4, hostnet.IPv6} {
			if _, err := w.Lab.Run(ctx, "ip", "address", "replace", Outside(family).String(), "dev", "lo"); err != nil {
				return err
			}
		}
		for i, link := range []string{"ens4", "ens5"} {
			if err := m.writeNetwork(ctx, link, 100+i); err != nil {
				return err
			}
			if err := m.plug(ctx, w.Segment, Link{Name: link, MAC: fmt.Sprintf("02:00:00:00:30:%02d", i)}); err != nil {
				return err
			}
		}
		if err := m.plug(ctx, m.other, Link{Name: "pol0", MAC: "02:00:00:00:30:09"}); err != nil {
			return err
		}
		return m.inside(ctx, "ip link set pol0 up", "ip address add 10.78.0.9/24 dev pol0",
			"ip route add default via 10.78.0.1 dev pol0 metric 2000")
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a multihomed machine: %w", err), m.Close(context.WithoutCancel(ctx)))
	}
	return m, nil
}

func (m *Multihomed) writeNetwork(ctx context.Context, link string, metric int) error {
	return m.Machine.WriteNetwork(ctx, "40-"+link+".network", fmt.Sprintf(multihomedNetwork, link, metric))
}

func (m *Multihomed) plug(ctx context.Context, s *Segment, link Link) (err error) {
	m.Ports[link.Name], err = s.Attach(ctx, m.Machine, link)
	return err
}

// inside runs commands in the machine, each as typed.
func (m *Multihomed) inside(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		if _, err := m.Machine.Run(ctx, strings.Fields(command)...); err != nil {
			return err
		}
	}
	return nil
}

// Close takes the links out again.
func (m *Multihomed) Close(ctx context.Context) error {
	var errs []error
	for _, port := range m.Ports {
		errs = append(errs, port.Detach(ctx))
	}
	if m.ra != nil {
		errs = append(errs, m.ra.Stop())
	}
	if m.other != nil {
		_, err := m.Lab.Run(ctx, "ip", "link", "delete", m.other.Bridge)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, m.inside(ctx,
		"rm -f /etc/systemd/network/40-ens4.network /etc/systemd/network/40-ens5.network", "networkctl reload"))...)
}

// WaitRight waits until the links have all addresses that they are to have, and
// the rules and routes that follow from them.
func (m *Multihomed) WaitRight(ctx context.Context) error {
	return m.Machine.WaitNet(ctx, "rules and routes", func() (bool, error) {
		state, err := m.Machine.NetState()
		if err != nil {
			return false, err
		}
		if lacking := m.Lacking(state); len(lacking) > 0 {
			return false, fmt.Errorf("not there: %s", strings.Join(lacking, "; "))
		}
		return true, nil
	})
}

// Lacking tells what is not there and should, and what is there of netbrk's and
// should not.
func (m *Multihomed) Lacking(s NetState) []string {
	var lacking []string
	for _, want := range []struct {
		link     string
		families []hostnet.Family
	}{
		{"ens4", []hostnet.Family{hostnet.IPv4, hostnet.IPv6}},
		{"ens5", []hostnet.Family{hostnet.IPv4, hostnet.IPv6}},
		{"pol0", []hostnet.Family{hostnet.IPv4}},
	} {
		for _, family := range want.families {
			if _, ok := s.Address(want.link, family); !ok {
				lacking = append(lacking, fmt.Sprintf("%s has no single address of family %d: %v", want.link, family, s.Addrs[s.Index(want.link)]))
			}
			if want.link != "ens4" && !slices.ContainsFunc(s.Routes, func(r hostnet.Route) bool {
				return r.Table == hostnet.TableMain && r.Index == s.Index(want.link) && r.IsDefault() && r.Family() == family
			}) {
				lacking = append(lacking, fmt.Sprintf("%s has no default route of family %d", want.link, family))
			}
		}
	}
	return append(lacking, s.LackingPolicy("ens5", "pol0")...)
}

// LackingPolicy tells what the named links' policy routing lacks, and which of
// netbrk's rules are for nobody.
func (s NetState) LackingPolicy(links ...string) []string {
	var lacking []string
	wanted := make(map[hostnet.Rule]bool)
	for _, link := range links {
		index := s.Index(link)
		for _, address := range s.Addresses(link) {
			for _, r := range PolicyRules(address, RouteTableBase+uint32(index)) {
				wanted[r] = true
			}
		}
		lacking = append(lacking, s.lackingRoutes(index)...)
	}
	for _, r := range s.Rules {
		if r.Protocol == hostnet.Protocol && !wanted[r] {
			lacking = append(lacking, fmt.Sprintf("a reason for %q", r))
		}
		delete(wanted, r)
	}
	for r := range wanted {
		lacking = append(lacking, fmt.Sprintf("rule %q", r))
	}
	return lacking
}

// lackingRoutes tells which routes of the main table by a link its own table
// has not.
func (s NetState) lackingRoutes(index int) []string {
	var lacking []string
	for _, r := range s.Routes {
		a := r.Destination.Addr()
		if r.Table != hostnet.TableMain || r.Index != index || a.IsLinkLocalUnicast() || a.IsMulticast() {
			continue
		}
		if !slices.ContainsFunc(s.Routes, func(own hostnet.Route) bool {
			return own.Table == RouteTableBase+uint32(index) && own.Index == index && own.Protocol == hostnet.Protocol &&
				own.Destination == r.Destination && own.Gateway == r.Gateway
		}) {
			lacking = append(lacking, fmt.Sprintf("in table %d: %q", RouteTableBase+index, r.Describe(s.Links[index].Name)))
		}
	}
	return lacking
}

// Leased does something that has networkd ask for the leases of links anew, and
// waits until they are given.
func (m *Multihomed) Leased(ctx context.Context, links []string, do func() error) error {
	m.DHCP.Skip()
	if err := do(); err != nil {
		return err
	}
	for waiting := slices.Clone(links); len(waiting) > 0; {
		var macs []string
		for _, link := range waiting {
			macs = append(macs, m.Ports[link].Link.MAC)
		}
		line, err := m.DHCP.Line(ctx, regexp.MustCompile(`DHCPACK\(\S+\) \S+ (`+strings.Join(macs, "|")+`)`))
		if err != nil {
			return err
		}
		waiting = slices.DeleteFunc(waiting, func(link string) bool { return strings.Contains(line, m.Ports[link].Link.MAC) })
	}
	return nil
}

// serveDHCP replaces the DHCP server by one that hands out the addresses from
// the given one on.
func (m *Multihomed) serveDHCP(ctx context.Context, first netip.Addr) (err error) {
	if err := m.DHCP.Stop(); err != nil {
		return err
	}
	last := first.As4()
	last[3] += 40
	m.DHCP, err = m.Segment.ServeDHCP(ctx, DHCP{First: first, Last: netip.AddrFrom4(last), Lease: time.Hour})
	return err
}

// pings is how many echoes Ping waits for.
const pings = 5

// Ping asks for echoes of an address from an address of the lab.
func (w *World) Ping(ctx context.Context, from, to netip.Addr) error {
	// The root's ping: this machine may have none.
	_, err := w.Lab.Run(ctx, "chroot", w.root.Dir, "ping", "-n", "-c", strconv.Itoa(pings), "-i", "0.01", "-W", "5", "-I", from.String(), to.String())
	return err
}
