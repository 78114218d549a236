package subcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/internal/watch"
	"github.com/netbrk/netbrk/state"
)

const (
	dispatchUnits = "units"
	dispatchExec  = "exec"
	dispatchNone  = "none"
)

func (a *app) watchCommand() *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "follow the host's links and spool their events",
		Description: "Runs until it is told to end. On SIGHUP it reads the configuration anew.\n" +
			"Without --dispatch it is \"units\" where systemd started it as a notifying\n" +
			"service, else \"exec\".",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dispatch", Usage: "`HOW` hooks get to run: units (path units see the spool), exec (start run-hooks and apply-rules) or none (spool nothing)"},
			&cli.BoolFlag{Name: "print", Usage: "print each event as a line of JSON"},
		},
		CustomHelpTemplate: helpTemplate(cli.CommandHelpTemplate, []string{
			"netbrk watch --dispatch=none --print     look on, run nothing",
			"sudo netbrk watch --dispatch=exec        run hooks without any unit",
		}),
		Action: a.watch,
	}
}

func (a *app) watch(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	dispatch := c.String("dispatch")
	if dispatch == "" {
		dispatch = defaultDispatch()
	}
	if !slices.Contains([]string{dispatchUnits, dispatchExec, dispatchNone}, dispatch) {
		return usageError(withHint(fmt.Errorf("--dispatch: %q is unknown", dispatch), "use units, exec or none"))
	}
	g := globals(c)
	cfg, log, err := a.load(g)
	if err != nil {
		return err
	}
	keepSmall()
	d := &daemonRun{app: a, global: g, cfg: cfg, log: log, dispatch: dispatch}
	if c.Bool("print") {
		d.print = json.NewEncoder(a.stdout)
	}
	return d.run(c.Context)
}

// defaultDispatch is "exec" outside systemd. A service that systemd waits for
// to notify is the shipped one, or one made after it.
func defaultDispatch() string {
	if os.Getenv("NOTIFY_SOCKET") != "" {
		return dispatchUnits
	}
	return dispatchExec
}

// daemonRun is one run of the watcher.
type daemonRun struct {
	*app
	global   global
	cfg      *config.Config
	log      *slog.Logger
	dispatch string
	print    *json.Encoder
	// hooks and rules start the oneshots, where no unit does.
	hooks, rules *dispatcher.Kicker
	// cloud has the metadata asked; nil where nothing is spooled.
	cloud *state.CloudPending
	// leases has dhclient's leases looked at; nil where nobody asks for them.
	leases  *leaseWatch
	watcher *watch.Watcher
	// untold is a line of status that the service manager had no room for. It is
	// the watcher's goroutine's.
	untold string
}

func (d *daemonRun) run(ctx context.Context) error {
	// Before all else: until then the signal ends the process.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, unix.SIGHUP)
	defer signal.Stop(hup)
	monitor, err := kernel.OpenMonitor()
	if err != nil {
		return err
	}
	defer monitor.Close()
	networkdWanted := slices.Contains(d.cfg.System.Generators, config.GeneratorNetworkd)
	var files networkdFiles = noFiles{}
	if networkdWanted {
		if files, err = networkd.WatchFiles(networkd.StateDir, d.log); err != nil {
			return err
		}
	}
	store, err := d.open()
	if err != nil {
		return err
	}
	defer store.close()

	follower := networkd.NewFollower()
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("reading the watchdog's interval: %w", err)
	}
	o := watch.Options{
		Match:         d.cfg.Network.Links.Match,
		Networkd:      networkdWanted,
		Silent:        d.cfg.System.NetworkdDispatcher,
		Overrun:       func(err error) bool { return errors.Is(err, kernel.ErrOverrun) },
		Emitted:       d.emitted,
		Ready:         d.ready,
		Status:        d.status,
		Alive:         d.alive,
		AliveInterval: interval / 2,
		Quiet:         trim,
		Log:           d.log,
	}
	if store.rules != nil {
		o.Routed, o.Reconcile = d.routed(d.cfg), d.reconcileBy(store.rules)
		d.cloud = state.NewCloudPending(d.global.stateDir)
		if err := d.watchLeases(); err != nil {
			return err
		}
	}
	d.watcher = watch.New(o, monitor, follower, files, store.sink, store.records, store.saved, store.pending)

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	if networkdWanted {
		group.Go(func() error { files.Run(ctx); return nil })
		group.Go(func() error { follower.Run(ctx); return nil })
	}
	if d.dispatch == dispatchExec {
		d.hooks = d.newKicker(func() (bool, error) { return state.QueueEmpty(d.global.stateDir) }, "run-hooks")
		d.rules = d.newKicker(store.rules.Empty, "apply-rules", "--pending")
		kickers := []*dispatcher.Kicker{d.hooks, d.rules}
		if d.leases != nil {
			d.leases.kicker = d.newKicker(d.leases.pending.Empty, "run-hooks", "--generator", config.GeneratorDHClient)
			// A lease may bring a gateway, and an event that another reader was
			// too busy for.
			d.leases.kicker.Done = func() { d.rules.Kick(); d.hooks.Kick() }
			kickers = append(kickers, d.leases.kicker)
		}
		for _, kicker := range kickers {
			group.Go(func() error { kicker.Run(ctx); return nil })
			kicker.Kick() // for what the last run left in the spool
		}
	}
	if d.leases != nil {
		group.Go(func() error { d.leases.run(ctx); return nil })
	}
	group.Go(func() error { d.reloadOnHUP(ctx, hup); return nil })
	group.Go(func() error {
		defer stop()
		return d.watcher.Run(ctx)
	})
	err = group.Wait()
	d.notify(notifyPatience, daemon.SdNotifyStopping)
	return err
}

func (d *daemonRun) newKicker(empty func() (bool, error), verb ...string) *dispatcher.Kicker {
	args := append(append([]string{"netbrk"}, verb...), d.global.arguments()...)
	return dispatcher.NewKicker("/proc/self/exe", args, empty, d.log)
}

// emitted is called with each event once it is in the spool.
func (d *daemonRun) emitted(ev hostnet.Event) {
	d.log.Debug("event", "seq", ev.Seq, "kind", ev.Kind, "link", ev.Link, "ifindex", ev.Index, "state", ev.State, "action", ev.Action)
	if d.print != nil {
		if err := d.print.Encode(ev); err != nil {
			d.log.Warn("printing event", "err", err)
		}
	}
	if d.hooks != nil {
		d.hooks.Kick()
	}
	if d.leases != nil {
		d.leases.event(ev)
	}
	d.askCloud(ev)
}

func (d *daemonRun) ready() {
	d.notify(readyPatience, daemon.SdNotifyReady)
	trim()
}

// status shows a line for people.
func (d *daemonRun) status(line string) {
	d.untold = ""
	if text := "STATUS=" + line; !d.notify(notifyPatience, text) {
		d.untold = "\n" + text
	}
}

// alive keeps the watchdog quiet, and tells what could not be told.
func (d *daemonRun) alive() {
	if d.notify(notifyPatience, daemon.SdNotifyWatchdog+d.untold) {
		d.untold = ""
	}
}

func (d *daemonRun) notify(patience time.Duration, state string) bool {
	err := notifyWithin(patience, state)
	if err != nil {
		d.log.Debug("notifying the service manager", "err", err)
	}
	return err == nil
}

// networkdFiles are the files of networkd, or none.
type networkdFiles interface {
	watch.Files
	Run(ctx context.Context)
}

// noFiles is for a Generator without networkd.
type noFiles struct{}

func (noFiles) Changed() <-chan int            { return nil }
func (noFiles) AdministrativeState(int) string { return "" }
func (noFiles) Lease(int) hostnet.LeaseMark    { return hostnet.LeaseMark{} }
func (noFiles) Run(context.Context)            {}

// reloadOnHUP reads the configuration anew on SIGHUP. A broken one changes
// nothing.
func (d *daemonRun) reloadOnHUP(ctx context.Context, hup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		d.notify(readyPatience, daemon.SdNotifyReloading+"\nMONOTONIC_USEC="+monotonicMicroseconds())
		d.reloadConfig()
		d.notify(readyPatience, daemon.SdNotifyReady)
	}
}

func (d *daemonRun) reloadConfig() {
	cfg, _, err := d.load(d.global)
	if err != nil {
		d.log.Error("keeping the former configuration", "err", err)
		return
	}
	notice := d.needsRestart(cfg)
	d.watcher.Reload(func(o *watch.Options) {
		o.Match = cfg.Network.Links.Match
		o.Silent = cfg.System.NetworkdDispatcher
		o.Notice = notice
		if o.Routed != nil {
			o.Routed = d.routed(cfg)
		}
	})
	if d.leases != nil {
		d.leases.look(0) // UseDNS and its like may have changed, or Links
	}
	d.log.Info("configuration read anew", "files", cfg.Files, "links", cfg.Network.Links.String())
}

// needsRestart tells, in the log as well as in the status of the unit, of what a
// reload does not do: who follows networkd or dhclient is settled at the start, as
// are the units that the generator wants.
func (d *daemonRun) needsRestart(cfg *config.Config) (notice string) {
	runs, says := sorted(d.cfg.System.Generators), sorted(cfg.System.Generators)
	if slices.Equal(runs, says) {
		return ""
	}
	const hint = "systemctl daemon-reload && systemctl restart netbrk.target netbrk-watch.service"
	d.log.Warn("a change of System.Generator needs a restart", "following", wordList(runs), "configured", wordList(says), "hint", hint)
	return fmt.Sprintf("needs a restart for Generator %s", wordList(says))
}
