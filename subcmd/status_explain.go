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
	conn, err := kernel.Open()
	if err != nil {
		return err
	}
	defer conn.Close()
	if given(c, "dot") {
		return s.dot(c.Context, conn)
	}
	from, err := parseAddress("--explain", address)
	if err != nil {
		return err
	}
	host, names, err := hostOf(c.Context, conn, hostnet.FamilyOf(from))
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
	var answer explain.Answer
	answer.Route, err = conn.RouteOf(hostnet.FamilyOf(from), from, dest, names)
	if noRoute := (kernel.ErrNoRoute{}); errors.As(err, &noRoute) {
		answer.Err = noRoute
	} else if err != nil {
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

func (s statusRun) dot(ctx context.Context, conn *kernel.Conn) error {
	var hosts []explain.Host
	for _, family := range []hostnet.Family{hostnet.IPv4, hostnet.IPv6} {
		host, _, err := hostOf(ctx, conn, family)
		if err != nil {
			return err
		}
		hosts = append(hosts, host)
	}
	_, err := fmt.Fprint(s.stdout, explain.Dot(hosts...))
	return err
}

// hostOf reads the rules of a family, the tables that they lead to, and the
// addresses.
func hostOf(ctx context.Context, conn *kernel.Conn, family hostnet.Family) (explain.Host, map[int]string, error) {
	h := explain.Host{Tables: explain.Tables{}, Links: map[netip.Addr]string{}}
	names, err := conn.LinkNames(ctx)
	if err != nil {
		return h, nil, err
	}
	for index, name := range names {
		addrs, err := conn.LinkAddresses(ctx, index)
		if errors.Is(err, hostnet.ErrLinkGone) {
			continue
		}
		if err != nil {
			return h, nil, err
		}
		for _, addr := range addrs {
			if hostnet.FamilyOf(addr) == family {
				h.Links[addr] = name
			}
		}
	}
	if h.Rules, err = conn.FIBRules(ctx, family); err != nil {
		return h, nil, err
	}
	for _, r := range append(explain.MainAlone(family), h.Rules...) {
		if _, read := h.Tables[r.Table]; read || r.Action != "lookup" {
			continue
		}
		if h.Tables[r.Table], err = conn.FIBRoutes(ctx, family, r.Table, names); err != nil {
			return h, nil, err
		}
	}
	return h, names, nil
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
