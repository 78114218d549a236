package subcmd

import (
	"context"
	"errors"
	"io/fs"

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

// resolveAll gives the resolver what it shall have of each link.
func (r *leasesRun) resolveAll(ctx context.Context, changes []dhclient.Change, records []report.LinkLeases) error {
	// Two links that swapped their names have each other's index, so all is taken
	// back before anything is given.
	for i := range changes {
		if err := r.leave(ctx, &changes[i], &records[i]); err != nil {
			return err
		}
	}
	for i := range changes {
		if err := r.resolve(ctx, changes[i], &records[i]); err != nil {
			return err
		}
	}
	return nil
}

// leave takes back what was given to a link that no longer has the name of its
// lease. The resolver knows links by index: under another name one keeps what it
// was given, and only one that is gone has lost it.
func (r *leasesRun) leave(ctx context.Context, c *dhclient.Change, record *report.LinkLeases) error {
	had := c.Before.Resolver
	if had == nil || !c.Gone && c.Before.Index == c.After.Index {
		return nil
	}
	_, err := r.kernel.LinkName(c.Before.Index)
	if err == nil {
		_, err = r.tell(ctx, c.Before.Link, c.Before.Index, *had, report.LeaseResolver{})
	}
	if err != nil && !errors.Is(err, hostnet.ErrLinkGone) {
		r.fail("taking name servers back from the resolver", c.Before.Link, err)
		record.Index, record.Resolver = c.Before.Index, had // later
		return nil
	}
	c.Before.Resolver, record.Resolver = nil, nil
	return nil
}

// resolve gives the resolver what it shall have of a link, also where nothing
// changed: a reconfigure by networkd has taken it away by now, perhaps. It notes
// in the record what the resolver has then.
func (r *leasesRun) resolve(ctx context.Context, c dhclient.Change, record *report.LinkLeases) error {
	want, had := r.wanted(c.After), c.Before.Resolver
	if c.Gone || record.Index != c.After.Index || want == nil && had == nil {
		return nil
	}
	// Before it is done: killed after that, or where it fails, the next run knows
	// what to take back.
	intent := either(want, had)
	record.Resolver = &intent
	noted := c.Before
	noted.Index, noted.Resolver = c.After.Index, &intent
	if err := r.kept.Save(noted); err != nil {
		return err
	}
	if want == nil {
		want = &report.LeaseResolver{}
	}
	told, err := r.tell(ctx, c.After.Link, c.After.Index, intent, *want)
	switch {
	case errors.Is(err, hostnet.ErrLinkGone):
		record.Resolver = nil
	case err != nil:
		r.fail("giving name servers to the resolver", c.After.Link, err)
	default:
		record.Resolver = told
	}
	return nil
}

// either is what the resolver may have of a link between two settings.
func either(want, had *report.LeaseResolver) report.LeaseResolver {
	var e report.LeaseResolver
	for _, l := range []*report.LeaseResolver{had, want} {
		if l != nil && l.DNS != nil {
			e.DNS = l.DNS
		}
		if l != nil && l.Domains != nil {
			e.Domains = l.Domains
		}
	}
	return e
}

// tell has the resolver replace what a link may have by what it shall have, and
// returns that; nil for nothing.
func (r *leasesRun) tell(ctx context.Context, link string, index int, may, want report.LeaseResolver) (*report.LeaseResolver, error) {
	by, changed, err := r.names.Apply(ctx, index, resolved.Settings{
		DNS: want.DNS, Domains: want.Domains, SetDNS: may.DNS != nil, SetDomains: may.Domains != nil,
	})
	if err != nil {
		return nil, err
	}
	if changed {
		r.log.Info("resolver told", "link", link, "by", by, "dns", want.DNS, "domains", want.Domains)
	}
	if want.DNS == nil && want.Domains == nil {
		return nil, nil
	}
	return &want, nil
}

// fail notes that somebody could not be told.
func (r *leasesRun) fail(doing, link string, err error) {
	args := []any{"err", err}
	if link != "" {
		args = append([]any{"link", link}, args...)
	}
	if hint := resolverHint(err); hint != "" {
		args = append(args, "hint", hint)
	}
	r.log.Warn(doing, args...)
	r.partial = true
}

func resolverHint(err error) string {
	switch {
	case errors.Is(err, resolved.ErrNotRunning):
		return "start it, or switch UseDNS, UseDomain or UseHostname off"
	case errors.Is(err, fs.ErrPermission):
		return "run it as root"
	}
	return ""
}
