package subcmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/systemd"
	"github.com/netbrk/netbrk/internal/udev"
	"github.com/netbrk/netbrk/state"
)

// hookRun is one run of run-hooks: where facts about links come from, and
// what became of the scripts.
type hookRun struct {
	*app
	cfg    *config.Config
	log    *slog.Logger
	finder dispatcher.Finder
	runner *dispatcher.Runner
	hooks  *state.Hooks
	kernel *kernel.Conn
	bus    networkd.Querier
	device udev.Reader
	// networkd is false where the Generator names other sources: it is not asked
	// then, and its files are not read.
	networkd bool
	netif    string // networkd.StateDir but in tests
	// waits tells whether an event is still in the watcher's spool.
	waits func(hostnet.Event) bool
	// signalled returns the states of a link as the watcher noted them: a hint.
	signalled func(index int) hostnet.States
	// leases returns what dhclient holds for a link.
	leases func(link string) (report.LinkLeases, bool)
	// targets is nil where there is no systemd to start them.
	targets *dispatcher.Targets
	units   systemd.Manager

	failed  atomic.Bool
	mu      sync.Mutex
	refused map[string]string // why, by path: what was told already
	rival   sync.Once         // tells that networkd-dispatcher runs too
}

// newHookRun builds what handling events needs.
func (a *app) newHookRun(g global) (*hookRun, error) {
	if err := dispatcher.Prepare(); err != nil {
		return nil, err
	}
	h, err := a.newLook(g)
	if err != nil {
		return nil, err
	}
	if h.hooks, err = state.OpenHooks(g.stateDir); err != nil {
		h.close()
		return nil, needState(err)
	}
	return h, nil
}

// needState says who may write the state, where it is somebody else.
func needState(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return withHint(err, "run it as root, or with --state-dir DIR")
	}
	return err
}

// newLook builds what it takes to say what would happen: it writes nothing.
func (a *app) newLook(g global) (*hookRun, error) {
	cfg, log, err := a.load(g)
	if err != nil {
		return nil, err
	}
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	h := &hookRun{
		app: a, cfg: cfg, log: log, hooks: state.LookAtHooks(g.stateDir), kernel: conn, device: udev.New(),
		finder:   dispatcher.Finder{Roots: cfg.System.HookDirs, Trust: dispatcher.Trust{UID: os.Geteuid()}},
		runner:   dispatcher.NewRunner(cfg.System.HookTimeout),
		networkd: slices.Contains(cfg.System.Generators, config.GeneratorNetworkd), netif: networkd.StateDir,
		waits:     func(ev hostnet.Event) bool { return state.Waits(g.stateDir, ev) },
		signalled: func(index int) hostnet.States { return state.LookAtLink(g.stateDir, index).States },
		leases:    state.LookAtLeases(g.stateDir).Get,
		refused:   map[string]string{},
	}
	h.useTargets()
	return h, nil
}

func (h *hookRun) close() {
	h.bus.Close()
	h.units.Close()
	h.kernel.Close()
}

// outcome is what the exit status tells of the scripts.
func (h *hookRun) outcome() error {
	if h.failed.Load() {
		return errPartial
	}
	return nil
}

// subject is what an event is about, by its present name.
type subject struct {
	index int
	name  string // empty for no link
	gone  bool
}

func (s subject) String() string {
	if s.name == "" {
		return "the host"
	}
	return fmt.Sprintf("link %q (ifindex %d)", s.name, s.index)
}

// subject finds out what an event is about. A spool entry is a hint: the
// link's name comes from the kernel or, for one that is gone, from our own
// record of links that were there. It returns false for a link of which there
// is neither: it came and went before any hook could know it.
func (h *hookRun) subject(ev hostnet.Event) (subject, bool) {
	if ev.Index == 0 {
		return subject{}, true
	}
	name, err := h.kernel.LinkName(ev.Index)
	if err == nil {
		return subject{index: ev.Index, name: name}, true
	}
	if !errors.Is(err, hostnet.ErrLinkGone) {
		h.log.Warn("looking up link", "ifindex", ev.Index, "err", err)
	}
	name, ok := h.hooks.Seen(ev.Index)
	if !ok && ev.Generator != "" {
		name, ok = ev.Link, true // from a spool that only root, or we, can write to
	}
	return subject{index: ev.Index, name: name, gone: true}, ok
}

// deliveries are the events that scripts run for, in order. A lease of dhclient's,
// new or changed, has those of routable.d run before those of leases.d, as
// network-event-broker did.
func deliveries(ev hostnet.Event) []hostnet.Event {
	if ev.Generator != hostnet.GeneratorDHClient || ev.Action == hostnet.ActionRemoved {
		return []hostnet.Event{ev}
	}
	routable := ev
	routable.Kind, routable.Property, routable.State = hostnet.KindState, hostnet.OperationalState, "routable"
	return []hostnet.Event{routable, ev}
}

// eventFor makes the event of a link's state by hand.
func (h *hookRun) eventFor(link, st string) (hostnet.Event, error) {
	index, err := h.kernel.LinkIndex(link)
	if errors.Is(err, hostnet.ErrLinkGone) {
		return hostnet.Event{}, withHint(fmt.Errorf("there is no link %q", link), "ip link lists the links")
	}
	if err != nil {
		return hostnet.Event{}, err
	}
	property, _ := hostnet.PropertyOf(st)
	return hostnet.Event{
		ID: "manual-" + strconv.Itoa(os.Getpid()), Kind: hostnet.KindState, Index: index, Link: link,
		Property: property, State: st, ByHand: true,
	}, nil
}

// handle runs the scripts for an event and reports whether it is done with.
func (h *hookRun) handle(ctx context.Context, ev hostnet.Event) bool {
	s, ok := h.subject(ev)
	if !ok {
		h.log.Debug("link is gone and was never seen", "ifindex", ev.Index, "event", ev.ID)
		return true
	}
	if s.name != "" && !h.cfg.Network.Links.Match(s.name) && ev.Kind != hostnet.KindLinks && !ev.ByHand {
		h.log.Debug("link is not one of Network.Links", "link", s.name, "event", ev.ID)
		return true
	}
	if !h.remember(ev, s) {
		h.log.Debug("link is gone and was never seen", "link", s.name, "event", ev.ID)
		return true
	}
	follow, followed := h.followTargets(ctx, ev, s)
	handled := true
	for _, delivery := range deliveries(ev) {
		handled = handled && h.deliver(ctx, delivery, s, follow)
	}
	handled = followed() && handled
	if handled && ev.Kind == hostnet.KindLinks && ev.Action == hostnet.ActionRemoved && s.gone {
		h.forget(s.index, s.name)
	}
	return handled
}

// deliver runs the scripts of one directory and reports whether all of them had
// their turn. It calls started as each of them runs.
func (h *hookRun) deliver(ctx context.Context, ev hostnet.Event, s subject, started func()) bool {
	plan, err := h.find(ev, s)
	if err != nil {
		h.log.Error("looking for hooks", "directory", ev.Directory(), "err", err)
		h.failed.Store(true)
		return true
	}
	h.tellRefused(plan.Refused)
	return len(plan.Hooks) == 0 || h.runAll(ctx, ev, s, plan.Hooks, started)
}

// remember keeps the name of a link for events that outlive it. It returns false for
// one that vanished meanwhile, and whose event the watcher took back as seen by
// nobody: it tells no more of it.
func (h *hookRun) remember(ev hostnet.Event, s subject) bool {
	if s.index == 0 || s.gone {
		return true
	}
	if err := h.hooks.Saw(s.index, s.name); err != nil {
		h.log.Warn("remembering link", "link", s.name, "event", ev.ID, "err", err)
	}
	if ev.Kind != hostnet.KindLinks || ev.Action != hostnet.ActionAdded || h.waits(ev) {
		return true
	}
	h.forget(s.index, s.name)
	return false
}

func (h *hookRun) forget(index int, name string) {
	if err := h.hooks.Forget(index); err != nil {
		h.log.Warn("forgetting link", "ifindex", index, "link", name, "err", err)
	}
}

// forgetOrphans drops the names of links of which nobody will tell that they are
// gone: a run was killed after it had noted one and before it saw that the event was
// taken back, or a link was given by hand while no watcher was at work.
func (h *hookRun) forgetOrphans(queue *state.Queue) error {
	// The watcher spools the end of a link, and then removes its record.
	links, err := h.hooks.Unwatched()
	if err != nil || len(links) == 0 {
		return err
	}
	pending, err := queue.List()
	if err != nil {
		return err
	}
	for _, index := range links {
		_, err := h.kernel.LinkName(index)
		told := slices.ContainsFunc(pending, func(p hostnet.Pending) bool { return p.Index == index })
		if errors.Is(err, hostnet.ErrLinkGone) && !told {
			h.forget(index, "")
		}
	}
	return nil
}

// tellRefused logs each refused script once per reason, not once per event.
func (h *hookRun) tellRefused(refused []dispatcher.Skipped) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range refused {
		if h.refused[s.Path] != s.Why {
			h.refused[s.Path] = s.Why
			h.log.Warn("hook refused", "hook", s.Path, "why", s.Why)
		}
	}
}

func (h *hookRun) runAll(ctx context.Context, ev hostnet.Event, s subject, hooks []dispatcher.Hook, started func()) bool {
	var file string
	defer func() {
		if file != "" {
			if err := h.hooks.RemoveJSON(file); err != nil {
				h.log.Warn("removing document", "file", file, "err", err)
			}
		}
	}()
	job := func(hook dispatcher.Hook) dispatcher.Job {
		in := h.input(ctx, ev, s)
		if in.JSON != nil {
			written, err := h.hooks.WriteJSON(ev.Seq, in.JSON)
			if err != nil {
				h.log.Warn("writing document", "link", s.name, "err", err)
			} else {
				file = written // the same for each script, and that of the last one may have failed
			}
			in.JSONFile = written
		}
		if !h.cfg.Network.EmitJSON {
			in.JSON = nil
		}
		env, omitted := hook.Environ(in)
		if len(omitted) > 0 {
			h.log.Debug("left out of the environment", "hook", hook.Path, "link", s.name, "variables", omitted)
		}
		return dispatcher.Job{Hook: hook, Event: ev, Link: s.name, Env: env, Started: started}
	}
	return h.runner.RunAll(ctx, hooks, job, func(r dispatcher.Result) {
		logResult(h.log, r)
		if r.Failed() {
			h.failed.Store(true)
		}
		if err := h.hooks.KeepResult(r); err != nil {
			h.log.Warn("keeping result", "hook", r.Hook, "err", err)
		}
	})
}

// input gathers what a script is told, as it is now. Whatever cannot be had
// is left out: a script runs all the same.
func (h *hookRun) input(ctx context.Context, ev hostnet.Event, s subject) dispatcher.Input {
	in := dispatcher.Input{Event: ev, Link: s.name}
	if ev.Kind == hostnet.KindManager {
		in.States = h.managerStates(ctx)
		return in
	}
	if s.index == 0 || s.gone {
		return in
	}
	details, err := h.kernel.LinkDetails(ctx, s.index)
	if err != nil {
		h.log.Debug("reading link", "link", s.name, "err", err)
		return in
	}
	file := h.linkFile(s.index)
	lease, leased := h.networkdLease(s.index)
	h.tellRejected(s.name, file.Rejected, lease.Rejected)
	in.States = h.states(ctx, ev, details, file)
	facts := networkd.Facts(file, lease)
	if leased {
		in.Lease = lease.Environment()
		in.DNS = joinAddrs(lease.DNS)
		in.Domain = strings.Join(lease.Domains, " ")
	}
	if held, ok := h.leases(s.name); ok && !held.Empty() && (!leased || ev.Generator == hostnet.GeneratorDHClient) {
		tellLeases(held, &in, &facts)
	}
	device := h.device.Device(s.index, s.name)
	if h.cfg.System.NetworkdDispatcher {
		in.Networkctl = report.BuildNetworkctl(details, device, facts)
	}
	doc := report.Build(details, in.States, device, facts)
	if in.JSON, err = doc.JSON(); err != nil {
		h.log.Warn("encoding document", "link", s.name, "err", err)
	}
	return in
}

func (h *hookRun) tellRejected(link string, lists ...[]string) {
	for _, list := range lists {
		for _, what := range list {
			h.log.Warn("left out of the environment", "link", link, "what", what)
		}
	}
}
