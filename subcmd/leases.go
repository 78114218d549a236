package subcmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/resolved"
	"github.com/netbrk/netbrk/state"
)

const (
	// leaseDoubt is how long a lease whose address has gone is waited for: between
	// the address and the file dhclient runs its script's exit hooks.
	leaseDoubt = time.Second
	// leaseRounds bounds how often one run looks anew because files go on changing.
	leaseRounds = 100
)

// leasesRun is one run of run-hooks --generator dhclient.
type leasesRun struct {
	*app
	global   global
	cfg      *config.Config
	log      *slog.Logger
	patterns []string
	kernel   *kernel.Conn
	kept     *state.Leases
	spool    *state.Spool
	names    resolved.Conn
	rules    *state.RulesPending
	hostName func() (string, error) // by the kernel, uname(2), which starts no hostnamed

	partial bool
	told    map[string]bool // problems, each once
}

// runLeases compares dhclient's leases with those it held at the last run.
func (a *app) runLeases(c *cli.Context) error {
	g := globals(c)
	switch name := c.String("generator"); {
	case name != config.GeneratorDHClient:
		return usageError(withHint(fmt.Errorf("--generator: %q has no oneshot", name), "netbrk run-hooks --generator dhclient"))
	case c.IsSet("link") || c.IsSet("state"):
		return usageError(withHint(errors.New("--generator and --link exclude each other"), "netbrk run-hooks --generator dhclient"))
	case c.Bool("flush") && (c.Bool("spool") || c.Bool("dry-run")), c.Bool("spool") && c.Bool("dry-run"):
		return usageError(withHint(errors.New("--spool, --flush and --dry-run exclude each other"), "netbrk run-hooks --help lists the flags"))
	}
	patterns := c.StringSlice("lease-file")
	for _, p := range patterns {
		if !filepath.IsAbs(p) {
			return usageError(withHint(fmt.Errorf("--lease-file: %q is not an absolute path", p), "netbrk run-hooks --generator dhclient --lease-file \"$PWD/%s\"", p))
		}
	}
	if c.Bool("dry-run") {
		return a.showLeases(c.Context, g, patterns)
	}
	err := a.compareLeases(c.Context, g, patterns, c.Bool("flush"))
	if c.Bool("spool") || c.Bool("flush") || err != nil && !errors.Is(err, errPartial) {
		return err
	}
	if empty, looked := state.QueueEmpty(g.stateDir); looked == nil && empty {
		return err // most writes to a lease file renew it
	}
	if drained := a.drain(c.Context, g, 0); drained != nil {
		return drained
	}
	return err
}

// newLeases builds what it takes to look at leases. It writes nothing.
func (a *app) newLeases(g global, patterns []string) (*leasesRun, error) {
	cfg, log, err := a.load(g)
	if err != nil {
		return nil, err
	}
	if len(patterns) == 0 {
		patterns = cfg.System.LeaseFiles
	}
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	return &leasesRun{
		app: a, global: g, cfg: cfg, log: log, patterns: patterns, kernel: conn,
		kept: state.LookAtLeases(g.stateDir), told: map[string]bool{}, hostName: os.Hostname,
	}, nil
}

// compareLeases looks at all leases, tells resolved and hostnamed, and spools
// events for the hooks.
func (a *app) compareLeases(ctx context.Context, g global, patterns []string, flush bool) error {
	// Before anything that may fail, a broken configuration included.
	if err := state.TakeLeasesPending(g.stateDir); err != nil {
		return needRoot(err)
	}
	r, err := a.newLeases(g, patterns)
	if err != nil {
		return err
	}
	defer r.kernel.Close()
	lock, err := state.LockLeases(ctx, g.stateDir)
	if err != nil {
		return needRoot(err)
	}
	defer lock.Unlock()
	if r.kept, err = state.OpenLeases(g.stateDir); err != nil {
		return needRoot(err)
	}
	if r.spool, err = state.OpenLeaseSpool(g.stateDir); err != nil {
		return needRoot(err)
	}
	r.rules = state.NewRulesPending(g.stateDir)
	defer r.names.Close()
	work := r.follow
	if flush {
		work = r.flush
	}
	if err := work(ctx); err != nil {
		return err
	}
	if r.partial {
		return errPartial
	}
	return nil
}

// follow acts on what changed, and again on what changes meanwhile: to the path
// unit a change during the run is lost.
func (r *leasesRun) follow(ctx context.Context) error {
	watch, err := dhclient.Watch(dhclient.Directories(r.patterns), r.log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go watch.Run(ctx)
	waited := false
	for range leaseRounds {
		changes, err := r.changes(ctx)
		if err != nil {
			return err
		}
		if !waited && doubtful(changes) {
			select {
			case <-ctx.Done():
				return nil // the next run looks at everything again
			case <-watch.Changed():
			case <-time.After(leaseDoubt):
				waited = true
			}
			continue
		}
		if err := r.act(ctx, changes); err != nil {
			return err
		}
		select {
		case <-watch.Changed():
			waited = false
		default:
			return nil
		}
	}
	r.log.Warn("lease files go on changing", "files", r.patterns)
	return nil
}

func doubtful(changes []dhclient.Change) bool {
	for _, c := range changes {
		if c.Doubtful() {
			return true
		}
	}
	return false
}

// changes reads the lease files, and compares.
func (r *leasesRun) changes(ctx context.Context) ([]dhclient.Change, error) {
	kept, err := r.kept.Load()
	if err != nil {
		return nil, err
	}
	leases, problems, err := dhclient.Read(r.patterns)
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		r.tellOnce(p)
	}
	var v4, v6 []hostnet.Lease
	for _, l := range leases {
		for _, what := range l.Rejected {
			r.tellOnce(fmt.Sprintf("left out of the lease of %q: %s", l.Link, what))
		}
		switch {
		case !r.cfg.Network.Links.Match(l.Link):
		case l.IPv6:
			v6 = append(v6, l.Lease)
		default:
			v4 = append(v4, l.Lease)
		}
	}
	var failed error
	changes := dhclient.Compare(kept, v4, v6, func(name string) (dhclient.Link, bool) {
		link, err := r.link(ctx, name)
		if err != nil && !errors.Is(err, hostnet.ErrLinkGone) {
			failed = err
		}
		return link, err == nil
	}, time.Now())
	return changes, failed
}

// link reads what leases depend on. One that is not of Network.Links counts as
// one without addresses: a lease that it had before has ended.
func (r *leasesRun) link(ctx context.Context, name string) (dhclient.Link, error) {
	index, err := r.kernel.LinkIndex(name)
	if err != nil || !r.cfg.Network.Links.Match(name) {
		return dhclient.Link{Index: index}, err
	}
	addresses, err := r.kernel.LinkAddresses(ctx, index)
	return dhclient.Link{Index: index, Addresses: addresses}, err
}

// act does what the changes ask for: the resolver first, so that scripts can
// resolve names; then the event; and last the record, so that a run that is
// killed before that does all of it again.
func (r *leasesRun) act(ctx context.Context, changes []dhclient.Change) error {
	records := make([]report.LinkLeases, len(changes))
	for i, c := range changes {
		records[i] = c.After
	}
	if err := r.resolveAll(ctx, changes, records); err != nil {
		return err
	}
	if err := r.nameHost(ctx, changes, records); err != nil {
		return err
	}
	for i, c := range changes {
		if err := r.announce(c); err != nil {
			return err
		}
		if err := r.keep(records[i]); err != nil {
			return err
		}
		r.askForRules(c)
	}
	return nil
}

// announce spools the event of a change.
func (r *leasesRun) announce(c dhclient.Change) error {
	action := c.Action()
	if action == "" || !r.cfg.Network.Links.Match(c.After.Link) {
		return nil
	}
	ev := leaseEvent(c)
	ev.Time = time.Now()
	ev, err := r.spool.Put(ev)
	if err != nil {
		return fmt.Errorf("spooling event: %w", err)
	}
	r.log.Info("lease "+string(action), "link", ev.Link, "address", ev.Address, "event", ev.ID)
	return nil
}

// leaseEvent is the event of a change, about the new address or the one that went.
func leaseEvent(c dhclient.Change) hostnet.Event {
	told := c.After
	if told.Empty() {
		told = c.Before
	}
	ev := hostnet.Event{
		Kind: hostnet.KindLeases, Index: told.Index, Link: told.Link, Action: c.Action(),
		Generator: hostnet.GeneratorDHClient,
	}
	if lease, ok := told.First(); ok && len(lease.Addresses) > 0 {
		ev.Address = lease.Addresses[0].String()
	}
	return ev
}

// keep saves a record, or removes one that says nothing any more.
func (r *leasesRun) keep(held report.LinkLeases) error {
	if held.Empty() && held.Resolver == nil && held.HostName == "" {
		return r.kept.Remove(held.Link)
	}
	return r.kept.Save(held)
}

// askForRules has the link's policy routing looked at: its gateway may be that of
// the lease.
func (r *leasesRun) askForRules(c dhclient.Change) {
	if c.Action() == "" || c.After.Index == 0 || !r.routed(c.After) {
		return
	}
	if err := r.rules.Put(c.After.Index); err != nil {
		r.log.Warn("policy routing may lack the gateway of the lease until the timer comes", "link", c.After.Link, "err", err)
	}
}

func (r *leasesRun) routed(held report.LinkLeases) bool {
	return r.cfg.Network.RoutingPolicyRules.Match(held.Link) || state.LookAtRules(r.global.stateDir).Has(held.Index)
}

func (r *leasesRun) tellOnce(what string) {
	if !r.told[what] {
		r.told[what] = true
		r.log.Warn(what)
	}
}
