package subcmd

import (
	"context"
	"errors"
	"slices"

	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/resolved"
)

// wanted is what the resolver shall have of a link's leases, nil for nothing.
func (r *leasesRun) wanted(held report.LinkLeases) *report.LeaseResolver {
	var want report.LeaseResolver
	if r.cfg.Network.UseDNS {
		want.DNS = held.DNS()
	}
	if r.cfg.Network.UseDomain {
		want.Domains = held.Domains()
	}
	if want.DNS == nil && want.Domains == nil {
		return nil
	}
	return &want
}

// resolve gives the resolver what it shall have of a link, also where nothing
// changed: a reconfigure by networkd has taken it away by now, perhaps. It notes
// in the record what the resolver has then.
func (r *leasesRun) resolve(ctx context.Context, c dhclient.Change, record *report.LinkLeases) error {
	want, had := r.wanted(c.After), c.Before.Resolver
	switch {
	case c.Gone: // and the resolver's settings with it
		record.Resolver = nil
		return nil
	case want == nil && had == nil:
		return nil
	case want == nil:
		want = &report.LeaseResolver{}
	}
	// Before it is done: killed after that, the next run knows what to take back.
	record.Resolver = want
	if had == nil {
		intent := c.Before
		intent.Index, intent.Resolver = c.After.Index, want
		if err := r.kept.Save(intent); err != nil {
			return err
		}
		had = &report.LeaseResolver{}
	}
	by, changed, err := r.names.Apply(ctx, c.After.Index, resolved.Settings{
		DNS: want.DNS, Domains: want.Domains,
		SetDNS: want.DNS != nil || had.DNS != nil, SetDomains: want.Domains != nil || had.Domains != nil,
	})
	switch {
	case errors.Is(err, hostnet.ErrLinkGone):
		record.Resolver = nil
	case err != nil:
		r.log.Warn("giving name servers to the resolver", "link", c.After.Link, "err", err)
		r.partial = true
		if c.After.Empty() { // taken back later
			record.Resolver = had
		}
	default:
		if want.DNS == nil && want.Domains == nil {
			record.Resolver = nil
		}
		if changed {
			r.log.Info("resolver told", "link", c.After.Link, "by", by, "dns", want.DNS, "domains", want.Domains)
		}
	}
	return nil
}

// nameHost sets the transient host name to the one in the lease of the link with
// the lowest ifindex, and back to what it was before when no lease names the host
// any more.
func (r *leasesRun) nameHost(ctx context.Context, changes []dhclient.Change, records []report.LinkLeases) error {
	owner := slices.IndexFunc(records, func(l report.LinkLeases) bool { return l.HostName != "" })
	heir, name := r.namer(changes)
	if owner < 0 && heir < 0 {
		return nil
	}
	now, static, err := r.names.HostName(ctx)
	if err == nil && static != "" && owner < 0 {
		r.log.Debug("the static host name stays", "name", static, "lease", name)
		return nil
	}
	switch {
	case err != nil:
	case heir < 0:
		// Whoever named the host since then meant it.
		if l := &records[owner]; now == l.HostName && hostnet.ValidHostName(l.PreviousHostName) {
			err = r.names.SetHostName(ctx, l.PreviousHostName)
		}
		if err == nil {
			records[owner].HostName, records[owner].PreviousHostName = "", ""
		}
	default:
		err = r.takeName(ctx, changes, records, owner, heir, now, name)
	}
	if err != nil {
		r.log.Warn("giving the host its name", "name", name, "err", err)
		r.partial = true
	}
	return nil
}

// takeName gives the host the name in the lease of the heir, which takes over from
// the owner, the link whose lease named it before, if any did.
func (r *leasesRun) takeName(
	ctx context.Context, changes []dhclient.Change, records []report.LinkLeases, owner, heir int, now, name string,
) error {
	previous := now
	if owner >= 0 {
		if now == records[owner].HostName {
			previous = records[owner].PreviousHostName
		}
		records[owner].HostName, records[owner].PreviousHostName = "", ""
	}
	records[heir].HostName, records[heir].PreviousHostName = name, previous
	if now == name {
		return nil
	}
	intent := changes[heir].Before
	intent.Index, intent.Resolver = records[heir].Index, records[heir].Resolver
	intent.HostName, intent.PreviousHostName = name, previous
	if err := r.kept.Save(intent); err != nil {
		return err
	}
	if err := r.names.SetHostName(ctx, name); err != nil {
		return err
	}
	r.log.Info("host named", "name", name, "previous", now, "link", records[heir].Link)
	return nil
}

// namer returns the place of the link whose lease names the host, -1 for none.
func (r *leasesRun) namer(changes []dhclient.Change) (at int, name string) {
	at = -1
	for i, c := range changes {
		first, ok := c.After.First()
		if !ok || !r.cfg.Network.UseHostname || first.HostName == "" {
			continue
		}
		if at < 0 || c.After.Index < changes[at].After.Index {
			at, name = i, first.HostName
		}
	}
	return at, name
}
