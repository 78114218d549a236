package subcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/display"
	"github.com/netbrk/netbrk/internal/explain"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/report"
)

// explain is status --explain and status --dot.
func (s statusRun) explain(c *cli.Context) error {
	address, to := c.String("explain"), c.String("to")
	switch {
	case s.part != "" || s.prometheus || given(c, "watch"):
		return usageError(withHint(errors.New("--explain and --dot go with --json alone"), "netbrk status --explain 192.0.2.20"))
	case c.IsSet("explain") && given(c, "dot"), given(c, "dot") && s.asJSON:
		return usageError(withHint(errors.New("--dot is a picture of all there is"), "netbrk status --dot | dot -Tsvg >routing.svg"))
	case to != "" && address == "":
		return usageError(withHint(errors.New("--to goes with --explain"), "netbrk status --explain 192.0.2.20 --to %s", to))
	}
	r, err := openRouting(c.Context)
	if err != nil {
		return err
	}
	defer r.Close()
	if given(c, "dot") {
		return s.dot(c.Context, r)
	}
	from, err := parseAddress("--explain", address)
	if err != nil {
		return err
	}
	host, err := r.host(c.Context, hostnet.FamilyOf(from))
	if err != nil {
		return err
	}
	if host.Links[from] == "" {
		return withHint(fmt.Errorf("%s is not an address of this host", from), "netbrk status links shows the addresses")
	}
	dest := explain.Outside(hostnet.FamilyOf(from), host.Tables)
	if to != "" {
		if dest, err = parseAddress("--to", to); err != nil {
			return err
		}
		if hostnet.FamilyOf(dest) != hostnet.FamilyOf(from) {
			return usageError(fmt.Errorf("--to: %s is of another family than %s", dest, from))
		}
	}
	answer, err := r.answer(from, dest)
	if err != nil {
		return err
	}
	table, missing, err := s.managed(c.Context, host.Links[from])
	if err != nil {
		return err
	}
	e := explain.Explain(host, from, dest, answer, table, missing)
	if s.asJSON {
		err = json.NewEncoder(s.stdout).Encode(e)
	} else {
		_, err = fmt.Fprint(s.stdout, display.Explain(e, displayOptions(s.stdout)))
	}
	if err == nil && len(e.Missing) > 0 {
		return errPartial
	}
	return err
}

func parseAddress(flag, text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return addr, usageError(withHint(fmt.Errorf("%s: %q is not an address", flag, text), "netbrk status --explain 192.0.2.20"))
	}
	return addr.Unmap(), nil
}

func (s statusRun) dot(ctx context.Context, r *routing) error {
	var hosts []explain.Host
	for _, family := range []hostnet.Family{hostnet.IPv4, hostnet.IPv6} {
		host, err := r.host(ctx, family)
		if err != nil {
			return err
		}
		hosts = append(hosts, host)
	}
	_, err := fmt.Fprint(s.stdout, explain.Dot(hosts...))
	return err
}

// routing is where the facts about a host's routing come from.
type routing struct {
	*kernel.Conn

	names map[int]string
	links map[netip.Addr]string
}

// openRouting reads links and addresses, those of both families at once.
func openRouting(ctx context.Context) (*routing, error) {
	policy, err := kernel.OpenPolicy()
	if err != nil {
		return nil, err
	}
	defer policy.Close()
	overview, err := policy.Overview(ctx)
	if err != nil {
		return nil, err
	}
	r := &routing{names: map[int]string{}, links: map[netip.Addr]string{}}
	for _, l := range overview {
		r.names[l.Link.Index] = l.Link.Name
		for _, a := range l.Addrs {
			r.links[a.Prefix.Addr()] = l.Link.Name
		}
	}
	r.Conn, err = kernel.Open()
	return r, err
}

// host reads the rules of a family, and the tables that they lead to.
func (r *routing) host(ctx context.Context, family hostnet.Family) (explain.Host, error) {
	h := explain.Host{Tables: explain.Tables{}, Links: map[netip.Addr]string{}}
	for addr, link := range r.links {
		if hostnet.FamilyOf(addr) == family {
			h.Links[addr] = link
		}
	}
	var err error
	if h.Rules, err = r.FIBRules(ctx, family); err != nil {
		return h, err
	}
	for _, rule := range append(explain.MainAlone(family), h.Rules...) {
		if _, read := h.Tables[rule.Table]; read || rule.Action != "lookup" {
			continue
		}
		if h.Tables[rule.Table], err = r.FIBRoutes(ctx, family, rule.Table, r.names); err != nil {
			return h, err
		}
	}
	return h, nil
}

// answer is the kernel's own.
func (r *routing) answer(from, to netip.Addr) (explain.Answer, error) {
	route, err := r.RouteOf(from, to, r.names)
	if noRoute := (kernel.ErrNoRoute{}); errors.As(err, &noRoute) {
		return explain.Answer{Err: noRoute}, nil
	}
	return explain.Answer{Route: route}, err
}

// managed returns the table of a link's policy routing, and what apply-rules would
// do now.
func (s statusRun) managed(ctx context.Context, link string) (table uint32, steps []string, err error) {
	doc, err := s.collectStatus(ctx, s.global, report.PartRules)
	if err != nil {
		return 0, nil, err
	}
	for _, l := range doc.Rules.Links {
		if l.Link == link {
			table = l.Table
		}
	}
	return table, doc.Rules.Drift, nil
}
