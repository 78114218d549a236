package subcmd

import (
	"context"
	"slices"

	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// nameHost sets the transient host name to the one in the lease of the link with
// the lowest ifindex, and back to what it was before when no lease names the host
// any more.
func (r *leasesRun) nameHost(ctx context.Context, changes []dhclient.Change, records []report.LinkLeases) error {
	heir, name := r.namer(changes)
	named := slices.ContainsFunc(records, func(l report.LinkLeases) bool { return l.HostName != "" })
	if heir < 0 && !named || heir >= 0 && r.bearsName(records, heir, name) {
		return nil
	}
	now, static, err := r.names.HostName(ctx)
	if err != nil {
		r.fail("asking for the host's name", "", err)
		return nil
	}
	owner := sole(records, now)
	if static != "" { // it wins, and whoever set it has taken the name back for us
		if heir >= 0 {
			r.log.Debug("the static host name stays", "name", static, "lease", name)
		}
		forget(records, owner)
		return nil
	}
	if heir >= 0 {
		return r.takeName(ctx, changes, records, owner, heir, now, name)
	}
	// Whoever named the host since then meant it.
	if l := records[owner]; gave(l, now) && now != l.PreviousHostName && hostnet.ValidHostName(l.PreviousHostName) {
		if err := r.names.SetHostName(ctx, l.PreviousHostName); err != nil {
			r.fail("giving the host its name back", l.Link, err)
			return nil
		}
		r.log.Info("host named", "name", l.PreviousHostName, "previous", now, "link", l.Link)
	}
	forget(records, owner)
	return nil
}

// bearsName reports whether the host has the name in the lease of the heir by a
// run before. Each question to hostnamed would start it.
func (r *leasesRun) bearsName(records []report.LinkLeases, heir int, name string) bool {
	for i, l := range records {
		if (l.HostName != "") != (i == heir) {
			return false
		}
	}
	now, err := r.hostName()
	return err == nil && now == name && records[heir].HostName == name
}

// sole returns the place of the record of the link whose lease named the host, -1
// for none. A run that was killed may have left two: the one that the host has
// its name of counts.
func sole(records []report.LinkLeases, now string) int {
	owner := -1
	for i, l := range records {
		if l.HostName != "" && (owner < 0 || gave(l, now)) {
			owner = i
		}
	}
	for i := range records {
		if i != owner {
			forget(records, i)
		}
	}
	return owner
}

// gave reports whether the host has its name by a lease of the link.
func gave(l report.LinkLeases, now string) bool {
	return now != "" && (now == l.HostName || now == l.NextHostName)
}

func forget(records []report.LinkLeases, at int) {
	if at >= 0 {
		setNames(&records[at], report.LinkLeases{})
	}
}

// setNames gives a record the host names of another.
func setNames(record *report.LinkLeases, by report.LinkLeases) {
	record.HostName, record.PreviousHostName, record.NextHostName = by.HostName, by.PreviousHostName, by.NextHostName
}

// takeName gives the host the name in the lease of the heir, which takes over from
// the owner, the link whose lease named it before, if any did.
func (r *leasesRun) takeName(
	ctx context.Context, changes []dhclient.Change, records []report.LinkLeases, owner, heir int, now, name string,
) error {
	var was report.LinkLeases
	previous := now
	if owner >= 0 {
		was = records[owner]
		if gave(was, now) || now == was.PreviousHostName || now == name || was.HostName == name {
			previous = was.PreviousHostName
		}
		forget(records, owner)
	}
	records[heir].HostName, records[heir].PreviousHostName = name, previous
	switch {
	case now == name:
		return nil
	case was.HostName == name && now != previous:
		r.log.Debug("somebody else has named the host since", "name", now, "lease", name)
		return nil
	}
	// Before it is done, as in resolve: whichever name the host has where this run is
	// ended, it leads back to the one before.
	noted := changes[heir].Before
	noted.Index, noted.Resolver = records[heir].Index, records[heir].Resolver
	if owner == heir {
		noted.PreviousHostName, noted.NextHostName = previous, name
	} else {
		setNames(&noted, records[heir])
	}
	if err := r.kept.Save(noted); err != nil {
		return err
	}
	if err := r.names.SetHostName(ctx, name); err != nil {
		r.fail("giving the host the name in its lease", records[heir].Link, err)
		if owner >= 0 {
			forget(records, heir)
			setNames(&records[owner], was)
		}
		return nil
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
