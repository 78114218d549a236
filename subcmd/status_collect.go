package subcmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/networkd"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/systemd"
	"github.com/netbrk/netbrk/state"
)

const (
	// busPatience is how long status waits for somebody on the bus: all else is
	// worth showing without.
	busPatience  = time.Second
	cloudTimer   = "netbrk-cloud-sync.timer"
	networkdUnit = "systemd-networkd.service"
)

// collectStatus looks at the named parts, report.PartLinks and its like, or at all,
// and composes the document. Whoever asks needs no privilege: what it may not see is
// said in the notes.
func (a *app) collectStatus(ctx context.Context, g global, parts ...string) (report.Status, error) {
	return a.lookAtStatus(ctx, g, true, parts...)
}

// lookAtStatus is collectStatus. Without the network it takes the state's word for
// links and rules: in a network namespace of its own netbrk would see others.
func (a *app) lookAtStatus(ctx context.Context, g global, network bool, parts ...string) (report.Status, error) {
	l := &statusLook{app: a, global: g, now: time.Now, facts: health.Facts{Version: version, Parts: parts}}
	l.facts.HostName, _ = os.Hostname()
	l.configure()
	l.lookAtUnits(ctx)
	for _, part := range []struct {
		name string
		look func(context.Context)
	}{
		{report.PartWatcher, l.lookAtWatcher}, {report.PartLinks, l.lookAtLinks}, {report.PartRules, l.lookAtRules},
		{report.PartHooks, l.lookAtHooks}, {report.PartCloud, l.lookAtCloud},
	} {
		if len(parts) > 0 && !slices.Contains(parts, part.name) {
			continue
		}
		if network && l.kernel == nil && (part.name == report.PartLinks || part.name == report.PartRules) {
			if err := l.openKernel(); err != nil {
				return report.Status{}, err
			}
			defer l.kernel.Close()
		}
		part.look(ctx)
		if err := ctx.Err(); err != nil {
			return report.Status{}, err
		}
	}
	l.facts.Now = l.now()
	return health.Build(l.facts), nil
}

// statusLook is one look at all that there is to tell.
type statusLook struct {
	*app
	global global
	now    func() time.Time
	cfg    *config.Config
	broken bool
	// kernel is nil where only the state is looked at.
	kernel *kernel.Policy
	next   time.Time // by the timer of cloud-sync
	// busSilent says that the bus did not answer: nobody waits for it twice.
	busSilent bool
	facts     health.Facts
}

// note says what cannot be seen.
func (l *statusLook) note(what string, err error) {
	if err != nil {
		what += ": " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	l.facts.Notes = append(l.facts.Notes, what)
}

// configure reads the configuration. With one that cannot be used the links are
// shown by the defaults, and what should be is not known.
func (l *statusLook) configure() {
	cfg, warnings, err := config.Load(config.Options{Path: l.global.config})
	var broken config.Errors
	switch {
	case errors.As(err, &broken):
		for _, e := range broken {
			if errors.Is(e, fs.ErrPermission) {
				l.note("the configuration cannot be read", e)
				continue
			}
			l.facts.Config.Broken = append(l.facts.Config.Broken, e.Error())
		}
	case err != nil:
		l.facts.Config.Broken = []string{err.Error()}
	}
	if l.broken = err != nil; l.broken {
		cfg = config.Default("/")
	}
	l.cfg = cfg
	for _, w := range warnings {
		if w.Unknown {
			l.facts.Config.Unknown = append(l.facts.Config.Unknown, w.String())
		} else {
			l.facts.Config.Others = append(l.facts.Config.Others, w.String())
		}
	}
}

func (l *statusLook) openKernel() (err error) {
	l.kernel, err = kernel.OpenPolicy()
	return err
}

// statusUnits are those whose states tell whether netbrk works.
func statusUnits() []string {
	return []string{
		"netbrk-watch.service", "netbrk-hooks.path", "netbrk-hooks.service", "netbrk-rules.path", "netbrk-rules.timer",
		"netbrk-rules.service", "netbrk-dhclient.path", "netbrk-dhclient.service", "netbrk-cloud-sync.path", cloudTimer,
		"netbrk-cloud-sync.service", "netbrk-api.socket", "netbrk-api.service",
	}
}

// lookAtUnits asks systemd, if the state that is shown is that of its units.
func (l *statusLook) lookAtUnits(ctx context.Context) {
	if l.global.stateDir != defaultStateDir || !systemd.Booted() {
		return
	}
	var m systemd.Manager
	defer m.Close()
	ctx, cancel := context.WithTimeout(ctx, busPatience)
	defer cancel()
	look, err := m.Look(ctx, append(statusUnits(), networkdUnit), cloudTimer)
	if err != nil {
		l.busSilent = errors.Is(err, networkd.ErrBusSilent)
		l.note("the states of units are not known", err)
		return
	}
	l.facts.Units, l.next = look.Units, look.Next
	l.facts.Installed = slices.ContainsFunc(look.Units, func(u hostnet.UnitState) bool {
		return u.Name == "netbrk-watch.service" && u.Load == "loaded"
	})
}

func (l *statusLook) lookAtWatcher(context.Context) {
	root := l.global.stateDir
	w := &health.Watcher{Generators: l.cfg.System.Generators}
	watch := state.WatchHolder(root)
	w.Running, w.PID = known(watch), watch.PID
	if unit, ok := l.unit("netbrk-watch.service"); ok && w.Running == nil {
		active := unit.Active == "active"
		w.Running = &active
	}
	if w.Running == nil {
		l.note("whether netbrk watch is running cannot be seen: /proc/locks is hidden", nil)
	}
	backlogs, err := state.Backlogs(root)
	if err != nil {
		l.note("what waits is not known", err)
	}
	drain, queue := known(state.DrainHolder(root)), known(state.RulesQueueHolder(root))
	for _, b := range backlogs {
		s := health.Spool{Name: b.Name, Pending: b.Pending, Oldest: b.Oldest}
		switch b.Name {
		case "events", "lease-events":
			s.Serving = drain
		case "rules-pending":
			s.Serving = queue
		case "cloud-pending":
			s.Serving = l.atWork("netbrk-cloud-sync.service")
		case "leases-pending":
			s.Serving = l.atWork("netbrk-dhclient.service")
		}
		w.Spools = append(w.Spools, s)
	}
	l.facts.Watcher = w
}

// unit returns the state of a unit, if systemd was asked and has it.
func (l *statusLook) unit(name string) (hostnet.UnitState, bool) {
	i := slices.IndexFunc(l.facts.Units, func(u hostnet.UnitState) bool { return u.Name == name && u.Load == "loaded" })
	if i < 0 {
		return hostnet.UnitState{}, false
	}
	return l.facts.Units[i], true
}

// atWork reports whether a oneshot runs now; nil where nobody can say.
func (l *statusLook) atWork(name string) *bool {
	unit, ok := l.unit(name)
	if !ok {
		return nil
	}
	atWork := unit.Active == "activating"
	return &atWork
}

// known reports whether a lock is held; nil where nobody can say.
func known(h state.Holder) *bool {
	if !h.Known {
		return nil
	}
	return &h.Held
}
