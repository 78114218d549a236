package subcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/state"
)

const (
	// linger is how long the spool must have stayed empty before a drain ends:
	// within a burst no process has to be started per event.
	linger = 2 * time.Second
	// drainFor is how long one drain takes in events, well below the service's
	// start timeout: what is left starts the next one.
	drainFor = 30 * time.Minute
)

func (a *app) runHooksCommand() *cli.Command {
	return &cli.Command{
		Name:  "run-hooks",
		Usage: "run the scripts for the events in the spool, or for one link and state",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "link", Usage: "run the scripts for `LINK` now; with --state"},
			&cli.StringFlag{Name: "state", Usage: "run the scripts of `STATE`, such as routable; with --link"},
			&cli.StringFlag{Name: "generator", Usage: "`dhclient`: run the scripts for leases that are new, changed or ended since the last run"},
			&cli.StringSliceFlag{Name: "lease-file", Usage: "read `FILE` instead of the configured lease files; may be given several times"},
			&cli.BoolFlag{Name: "spool", Usage: "with --generator: leave the scripts to netbrk-hooks.service"},
			&cli.BoolFlag{Name: "flush", Usage: "with --generator: take back what resolved and hostnamed were given, and forget the leases"},
			&cli.BoolFlag{Name: "dry-run", Usage: "list the scripts that would run with their environment, and those refused with why"},
		},
		CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{
			"netbrk run-hooks                                           what the spool holds",
			"netbrk run-hooks --link eth0 --state routable              now, from a shell",
			"netbrk run-hooks --link eth0 --state routable --dry-run    what would run",
			"netbrk run-hooks --generator dhclient                      for dhclient's leases",
			"netbrk run-hooks --generator dhclient --lease-file /var/lib/dhcp/dhclient.leases --dry-run",
		}),
		Action: a.runHooks,
	}
}

func (a *app) runHooks(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	link, st := c.String("link"), c.String("state")
	switch {
	case (link == "") != (st == ""):
		return usageError(withHint(errors.New("--link and --state go together"), "netbrk run-hooks --link eth0 --state routable"))
	case link != "" && !hostnet.ValidLinkName(link):
		return usageError(fmt.Errorf("--link: %q is not a name that a link can have", link))
	case st != "" && !hostnet.IsLinkState(st):
		return usageError(withHint(fmt.Errorf("--state: %q is unknown", st), "the states are %s", wordList(hostnet.LinkStates())))
	}
	g := globals(c)
	if c.String("generator") != "" {
		return a.runLeases(c)
	}
	for _, flag := range []string{"lease-file", "spool", "flush"} {
		if c.IsSet(flag) {
			return usageError(withHint(fmt.Errorf("--%s goes with --generator", flag), "netbrk run-hooks --generator dhclient --%s", flag))
		}
	}
	switch {
	case c.Bool("dry-run"):
		return a.dryRun(c.Context, g, link, st)
	case link != "":
		return a.runOne(c.Context, g, link, st)
	}
	return a.drain(c.Context, g, linger)
}

// runOne runs the scripts of one state of a link now, past the spool.
func (a *app) runOne(ctx context.Context, g global, link, st string) error {
	h, err := a.newHookRun(g)
	if err != nil {
		return err
	}
	defer h.close()
	ev, err := h.eventFor(link, st)
	if err != nil {
		return err
	}
	if !h.handle(ctx, ev) {
		return context.Cause(ctx)
	}
	return h.outcome()
}

// drain runs the scripts for all that the spools hold, and for what comes until
// they have stayed empty for quiet.
func (a *app) drain(ctx context.Context, g global, quiet time.Duration) error {
	h, err := a.newHookRun(g)
	if err != nil {
		return err
	}
	defer h.close()
	lock, err := state.LockDrain(g.stateDir)
	if errors.Is(err, state.ErrLocked) {
		h.log.Info("another netbrk run-hooks is at work and takes the events")
		return nil
	}
	if err != nil {
		return needState(err)
	}
	defer lock.Unlock()
	if err := errors.Join(h.hooks.ClearJSON(), h.hooks.ClearTemps()); err != nil {
		h.log.Warn("clearing files of an earlier run", "err", err)
	}
	queue, err := state.OpenQueue(g.stateDir, h.log)
	if err != nil {
		return err
	}
	defer queue.Close()
	if err := h.forgetOrphans(queue); err != nil {
		h.log.Warn("looking for links that are gone", "err", err)
	}
	err = dispatcher.Drain(ctx, queue, dispatcher.DrainOptions{
		Workers: h.cfg.System.HookWorkers, Linger: quiet, MaxAge: drainFor, Log: h.log,
	}, h.handle)
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("draining the spool: %w", err)
	}
	h.settleTargets(ctx, g)
	return h.outcome()
}

// dryRun prints what would run, for the link or for all that waits.
func (a *app) dryRun(ctx context.Context, g global, link, st string) error {
	h, err := a.newLook(g)
	if err != nil {
		return err
	}
	defer h.close()
	if link != "" {
		ev, err := h.eventFor(link, st)
		if err != nil {
			return err
		}
		return h.show(ctx, ev)
	}
	events, err := state.PeekQueue(g.stateDir)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		fmt.Fprintln(a.stdout, "no event waits in the spool")
	}
	for _, ev := range events {
		if err := h.show(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

// show prints what an event would lead to.
func (h *hookRun) show(ctx context.Context, ev hostnet.Event) error {
	subject, ok := h.subject(ev)
	if !ok {
		fmt.Fprintf(h.stdout, "%s for ifindex %d: the link is gone and was never seen, nothing runs\n", ev.Directory(), ev.Index)
		return nil
	}
	for _, delivery := range deliveries(ev) {
		if err := h.showOne(ctx, delivery, subject); err != nil {
			return err
		}
	}
	return nil
}

func (h *hookRun) showOne(ctx context.Context, ev hostnet.Event, subject subject) error {
	plan, err := h.find(ev, subject)
	if err != nil {
		return err
	}
	fmt.Fprintf(h.stdout, "%s for %s\n", cmp.Or(ev.Directory(), ev.State+".d"), subject)
	h.showTarget(ev, subject)
	for _, hook := range plan.Hooks {
		fmt.Fprintf(h.stdout, "  run      %s\n", hook.Path)
	}
	for _, s := range plan.Masked {
		fmt.Fprintf(h.stdout, "  masked   %s: %s\n", s.Path, s.Why)
	}
	for _, s := range plan.Refused {
		fmt.Fprintf(h.stdout, "  refused  %s: %s\n", s.Path, s.Why)
	}
	if len(plan.Hooks) == 0 {
		fmt.Fprintln(h.stdout, "  nothing runs")
		return nil
	}
	h.showEnvironments(h.input(ctx, ev, subject), plan.Hooks)
	return nil
}

// showEnvironments prints what the scripts are told: networkd-dispatcher's, which
// come last, have an environment of their own.
func (h *hookRun) showEnvironments(in dispatcher.Input, hooks []dispatcher.Hook) {
	for i, hook := range hooks {
		switch {
		case i > 0 && hook.NetworkdDispatcher == hooks[i-1].NetworkdDispatcher:
			continue
		case hook.NetworkdDispatcher:
			fmt.Fprintln(h.stdout, "  for the scripts of networkd-dispatcher:")
		}
		env, omitted := hook.Environ(in)
		for _, v := range env {
			fmt.Fprintf(h.stdout, "  env      %s\n", v)
		}
		for _, name := range omitted {
			fmt.Fprintf(h.stdout, "  left out %s\n", name)
		}
	}
}

func logResult(log *slog.Logger, r dispatcher.Result) {
	attrs := []any{"hook", r.Hook, "link", r.Link, "ifindex", r.Index, "event", r.EventID, "took", r.Duration.Round(time.Millisecond)}
	switch {
	case r.Interrupted:
		log.Info("hook interrupted", attrs...)
	case r.Vanished:
		log.Info("hook vanished before it could start", attrs...)
	case r.Failed():
		log.Warn("hook failed", append(attrs, "err", r.Reason(), "output", lastLine(r.Output))...)
	default:
		log.Info("hook ran", attrs...)
	}
}
