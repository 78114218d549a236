package resolved

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

// Settings are the name servers and search domains of a link.
type Settings struct {
	DNS     []netip.Addr
	Domains []string
	// SetDNS and SetDomains tell which of them are meant. What is meant and empty
	// is taken back; what is not meant is left as it is.
	SetDNS, SetDomains bool
}

// given is what resolved has of a link.
type given struct {
	dns          []netip.Addr
	domains      []domain
	defaultRoute bool
}

// server and domain are (iay) and (sb). A routing-only domain sends the names
// below it to the link, and completes no name.
type server struct {
	Family  int32
	Address []byte
}

type domain struct {
	Name        string
	RoutingOnly bool
}

// Apply gives a link what it shall have, or takes it back, where resolved has
// something else. It returns who was told, and whether anything was done.
//
// A link with name servers is also made a default route for names, as it would
// be by resolved's own rule: its domains are search domains, none routing-only.
// Said aloud, an earlier "no" does not linger; without name servers, that is
// nobody's business here, since networkd may have its own there.
//
// Both services take back all that they were told of a link at once: settings of
// other kinds (LLMNR, DNSSEC) that were made at run time go too. On a link of
// networkd what its own files and leases say is in effect again after that,
// which setting empty lists would not bring about.
func (c *Conn) Apply(ctx context.Context, index int, s Settings) (by string, changed bool, err error) {
	by, changed, err = c.apply(ctx, index, s)
	if err != nil {
		return by, false, fmt.Errorf("setting name servers of link %d: %w", index, err)
	}
	return by, changed, nil
}

func (c *Conn) apply(ctx context.Context, index int, s Settings) (by string, changed bool, err error) {
	servers, domains := usableServers(s.DNS), usableDomains(s.Domains)
	revert := s.SetDNS && len(servers) == 0 || s.SetDomains && len(domains) == 0
	if !s.SetDNS {
		servers = nil
	}
	if !s.SetDomains {
		domains = nil
	}
	have, err := c.given(ctx, index)
	switch {
	case err != nil:
		return "", false, err
	case revert && len(servers) == 0 && len(domains) == 0 && len(have.dns) == 0 && len(have.domains) == 0 && !have.defaultRoute:
		return "", false, nil
	case !revert && have.includes(servers, domains):
		return "", false, nil
	}
	for _, who := range []service{resolve1, network1} {
		err = c.tell(ctx, who, int32(index), revert, servers, domains)
		if !errors.Is(err, errBusy) {
			return who.unit, true, err
		}
	}
	return "", false, err // neither wants it: loopback
}

// given asks resolved what a link has, whoever gave it: of what networkd was told
// it knows a moment later.
func (c *Conn) given(ctx context.Context, index int) (given, error) {
	call, err := c.call(ctx, resolve1, "GetLink", int32(index))
	if err != nil {
		return given{}, err
	}
	var path dbus.ObjectPath
	if err := systembus.Store(call, &path); err != nil {
		return given{}, fmt.Errorf("reading the answer of %s: %w", resolve1.unit, err)
	}
	call, err = c.callOn(ctx, resolve1, path, "org.freedesktop.DBus.Properties.GetAll", "org.freedesktop.resolve1.Link")
	if err != nil {
		return given{}, err
	}
	var values map[string]dbus.Variant
	if err := systembus.Store(call, &values); err != nil {
		return given{}, fmt.Errorf("reading the answer of %s: %w", resolve1.unit, err)
	}
	return decode(values), nil
}

// decode reads the properties of a link. What is not what it should be counts as
// missing.
func decode(values map[string]dbus.Variant) given {
	var (
		g       given
		servers []server
	)
	if v, ok := values["DNS"]; ok && systembus.StoreVariant(v, &servers) == nil {
		for _, s := range servers {
			addr, _ := netip.AddrFromSlice(s.Address)
			g.dns = append(g.dns, addr)
		}
	}
	if v, ok := values["Domains"]; ok {
		_ = systembus.StoreVariant(v, &g.domains)
	}
	if v, ok := values["DefaultRoute"]; ok {
		_ = systembus.StoreVariant(v, &g.defaultRoute)
	}
	return g
}

// includes reports whether that is what the link has, as far as it is not nil.
func (g given) includes(servers []netip.Addr, domains []string) bool {
	if servers != nil && (!g.defaultRoute || !slices.Equal(g.dns, servers)) {
		return false
	}
	return domains == nil || slices.EqualFunc(g.domains, domains, func(have domain, want string) bool {
		return !have.RoutingOnly && strings.EqualFold(strings.TrimSuffix(have.Name, "."), want)
	})
}

// tell has resolved or networkd set what is not nil.
func (c *Conn) tell(ctx context.Context, s service, index int32, revert bool, servers []netip.Addr, domains []string) error {
	type step struct {
		method string
		args   []any
	}
	var steps []step
	if revert {
		steps = append(steps, step{s.revert, []any{index}})
	}
	if servers != nil {
		steps = append(steps, step{"SetLinkDNS", []any{index, encodeServers(servers)}})
	}
	if domains != nil {
		steps = append(steps, step{"SetLinkDomains", []any{index, encodeDomains(domains)}})
	}
	if servers != nil {
		steps = append(steps, step{"SetLinkDefaultRoute", []any{index, true}})
	}
	for _, step := range steps {
		if _, err := c.call(ctx, s, step.method, step.args...); err != nil {
			return fmt.Errorf("%s: %w", step.method, err)
		}
	}
	return nil
}

func encodeServers(addrs []netip.Addr) []server {
	servers := make([]server, len(addrs))
	for i, addr := range addrs {
		servers[i] = server{Family: int32(hostnet.FamilyOf(addr)), Address: addr.AsSlice()}
	}
	return servers
}

func encodeDomains(names []string) []domain {
	domains := make([]domain, len(names))
	for i, name := range names {
		domains[i] = domain{Name: name}
	}
	return domains
}
