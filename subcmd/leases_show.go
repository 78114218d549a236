package subcmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/report"
)

// showLeases prints what a run would do.
func (a *app) showLeases(ctx context.Context, g global, patterns []string) error {
	r, err := a.newLeases(g, patterns)
	if err != nil {
		return err
	}
	defer r.kernel.Close()
	changes, err := r.changes(ctx)
	if err != nil {
		return err
	}
	h, err := a.newLook(g)
	if err != nil {
		return err
	}
	defer h.close()
	now := map[string]report.LinkLeases{}
	for _, c := range changes {
		now[c.After.Link] = c.After
	}
	h.leases = func(link string) (report.LinkLeases, bool) { held, ok := now[link]; return held, ok }
	changed := false
	for _, c := range changes {
		if c.Action() == "" || !r.cfg.Network.Links.Match(c.After.Link) {
			continue
		}
		changed = true
		ev := leaseEvent(c)
		fmt.Fprintf(a.stdout, "lease %s: link %q, address %s\n", ev.Action, ev.Link, ev.Address)
		r.showResolver(c)
		if err := h.show(ctx, ev); err != nil {
			return err
		}
	}
	if !changed {
		fmt.Fprintln(a.stdout, "no lease is new, changed or ended")
	}
	return nil
}

// showResolver prints what resolved and hostnamed would be given.
func (r *leasesRun) showResolver(c dhclient.Change) {
	if want := r.wanted(c.After); want != nil {
		fmt.Fprintf(r.stdout, "  resolver %s\n", strings.Join(append(addrWords(want.DNS), want.Domains...), " "))
	}
	if first, ok := c.After.First(); ok && r.cfg.Network.UseHostname && first.HostName != "" {
		fmt.Fprintf(r.stdout, "  hostname %s\n", first.HostName)
	}
}
