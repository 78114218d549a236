package subcmd

import (
	"context"
	"log/slog"
	"slices"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/state"
)

// leaseWatch has dhclient's leases looked at: by the path unit, or by a oneshot of
// our own. All it says is when to look.
type leaseWatch struct {
	pending *state.LeasesPending
	files   *dhclient.DirWatch
	kicker  *dispatcher.Kicker // nil where a path unit does its work
	log     *slog.Logger
}

// watchLeases prepares a leaseWatch, where dhclient is one of the generators.
func (d *daemonRun) watchLeases() error {
	if !slices.Contains(d.cfg.System.Generators, config.GeneratorDHClient) {
		return nil
	}
	// The path unit sees the files itself, but not what changes while the oneshot
	// runs; and it alone sees directories that are closed to us.
	files, err := dhclient.Watch(dhclient.Directories(d.cfg.System.LeaseFiles), d.log)
	if err != nil {
		return err
	}
	d.leases = &leaseWatch{pending: state.NewLeasesPending(d.global.stateDir), files: files, log: d.log}
	if d.dispatch == dispatchExec {
		return d.leases.pending.Make()
	}
	return nil
}

func (l *leaseWatch) run(ctx context.Context) {
	go l.files.Run(ctx)
	l.look(0) // at what changed while nobody was watching
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.files.Changed():
			l.look(0)
		}
	}
}

// event takes in what a lease can depend on beside its file: release, expiry and
// stop write nothing there, and a link that networkd configures anew has lost what
// its resolver was given.
func (l *leaseWatch) event(ev hostnet.Event) {
	switch {
	case ev.Kind == hostnet.KindAddresses, ev.Kind == hostnet.KindLinks, ev.State == "configured":
		l.look(ev.Index)
	}
}

func (l *leaseWatch) look(index int) {
	if err := l.pending.Put(index); err != nil {
		l.log.Error("a lease may be out of date", "ifindex", index, "err", err)
		return
	}
	if l.kicker != nil {
		l.kicker.Kick()
	}
}
