package subcmd

import (
	"context"
	"errors"

	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// flush takes back what was given to the resolver and hostnamed, and forgets the
// leases. No scripts run.
func (r *leasesRun) flush(ctx context.Context) error {
	kept, err := r.kept.Load()
	if err != nil {
		return err
	}
	var (
		changes []dhclient.Change
		records []report.LinkLeases
	)
	r.cfg.Network.UseDNS, r.cfg.Network.UseDomain, r.cfg.Network.UseHostname = false, false, false
	for _, before := range kept {
		after := before
		after.IPv4, after.IPv6 = nil, nil
		_, err := r.kernel.LinkIndex(before.Link)
		c := dhclient.Change{Before: before, After: after, Gone: errors.Is(err, hostnet.ErrLinkGone)}
		changes, records = append(changes, c), append(records, after)
	}
	if err := r.resolveAll(ctx, changes, records); err != nil {
		return err
	}
	if err := r.nameHost(ctx, changes, records); err != nil {
		return err
	}
	for _, held := range records {
		if err := r.keep(held); err != nil {
			return err
		}
	}
	return nil
}
