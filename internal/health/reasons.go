package health

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

const (
	// stuckAfter is how old the first entry of a spool gets only where nobody takes
	// it: a path unit starts its service at once, and after a run that failed within
	// seconds. Where it cannot be known whether the service is at work, hangAfter
	// is past the longest run (drainFor of subcmd).
	stuckAfter = 30 * time.Second
	hangAfter  = 45 * time.Minute
	// overdue is how many times its interval the last sync may be away, and
	// overdueSlack what comes on top: the timer's delay and a first answer.
	overdue      = 2
	overdueSlack = 3 * time.Minute
	// refusedFor is how long a refused entry of the spool is worth a look: either
	// somebody tampers, or two versions of netbrk meet.
	refusedFor = 24 * time.Hour
	// manyReasons bounds those of one kind: the rest is counted in one.
	manyReasons = 8
)

// reasons tell all that is wrong, the cause before what follows from it.
func (f Facts) reasons(doc report.Status) []report.Reason {
	reasons := []report.Reason{}
	for _, part := range [][]report.Reason{
		f.configReasons(), f.watcherReasons(), f.unitReasons(), f.networkdReasons(), linkReasons(doc),
		f.rulesReasons(doc), f.hooksReasons(doc), f.cloudReasons(doc),
	} {
		reasons = append(reasons, part...)
	}
	return slices.DeleteFunc(reasons, func(r report.Reason) bool {
		// A configuration that cannot be used is the fault of every part.
		return len(f.Parts) > 0 && r.Part != report.PartConfig && !slices.Contains(f.Parts, r.Part)
	})
}

func (f Facts) configReasons() []report.Reason {
	var reasons []report.Reason
	const check = "netbrk config check"
	for _, text := range f.Config.Broken {
		reasons = append(reasons, report.Reason{Part: report.PartConfig, What: text + ": hooks, rules and addresses stay as they are", Hint: check})
	}
	for _, text := range f.Config.Unknown {
		reasons = append(reasons, report.Reason{Part: report.PartConfig, What: text, Hint: check})
	}
	return bounded(reasons, "further mistakes in the configuration")
}

func (f Facts) watcherReasons() []report.Reason {
	if f.Watcher == nil {
		return nil
	}
	var reasons []report.Reason
	if running := f.Watcher.Running; running != nil && !*running {
		r := report.Reason{Part: report.PartWatcher, What: "netbrk watch is not running: no change of the network is seen", Hint: "netbrk watch --dispatch=exec"}
		switch unit := f.unit("netbrk-watch.service"); {
		case unit.Active == "failed":
			r.Hint = "journalctl -u netbrk-watch.service -n 20"
		case f.Installed:
			r.Hint = "systemctl start netbrk.target"
		}
		reasons = append(reasons, r)
	}
	for _, s := range f.Watcher.Spools {
		if r, stuck := f.stuck(s); stuck {
			reasons = append(reasons, r)
		}
	}
	return reasons
}

// stuck says why nobody takes what waits in a spool.
func (f Facts) stuck(s Spool) (report.Reason, bool) {
	taker := takers()[s.Name]
	path := f.unit(taker.path)
	idle := path.Load == "loaded" && path.Active == "inactive" && f.unit("netbrk-watch.service").Active == "active"
	stopped := idle && taker.always
	limit := stuckAfter
	if s.Serving == nil && s.Name == "events" {
		limit = hangAfter // scripts may take their time
	}
	atWork := s.Serving != nil && *s.Serving
	// How long an entry has waited that is of a time to come nobody knows, but that
	// it was there before the clock was set back.
	ahead := s.Pending > 0 && s.Oldest.Sub(f.Now) > stuckAfter
	if age := f.age(s); !stopped && (s.Pending == 0 || atWork || age < limit && !ahead) {
		return report.Reason{}, false
	}
	waits := ""
	if s.Pending > 0 {
		since := "for " + Duration(f.age(s))
		if ahead {
			since = "since before the clock was set back"
		}
		waits = fmt.Sprintf("%s in %s, the first %s", count(s.Pending, "entry waits", "entries wait"), s.Name, since)
	}
	r := report.Reason{Part: taker.part, What: waits + ", and nothing takes them", Hint: taker.verb}
	switch {
	case idle:
		r.What = taker.path + " is not active: " + taker.without
		if waits != "" {
			r.What += "; " + waits
		}
		r.Hint = "systemctl start " + taker.path
	case path.Active == "active":
		r.Hint = "journalctl -u " + strings.TrimSuffix(taker.path, ".path") + ".service -n 20"
	}
	return r, true
}

// taker is who empties a spool.
type taker struct {
	part, path, verb string
	// without says what follows where the path unit is not active, and always that
	// netbrk.target wants it: the others are for those who enable them.
	without string
	always  bool
}

func takers() map[string]taker {
	hooks := taker{report.PartHooks, "netbrk-hooks.path", "netbrk run-hooks", "no hook runs", true}
	leases := hooks
	leases.always = false // it is told of by the other spool
	return map[string]taker{
		"events": hooks, "lease-events": leases,
		"rules-pending":  {report.PartRules, "netbrk-rules.path", "netbrk apply-rules", "rules are mended by the timer alone", true},
		"cloud-pending":  {report.PartCloud, "netbrk-cloud-sync.path", "netbrk cloud-sync", "a new card waits for the timer", false},
		"leases-pending": {report.PartHooks, "netbrk-dhclient.path", "netbrk run-hooks --generator dhclient", "leases are not looked at", false},
	}
}

// unitReasons tell of units that failed. The watcher's is told of above.
func (f Facts) unitReasons() []report.Reason {
	var reasons []report.Reason
	for _, u := range f.Units {
		switch {
		case u.Name == "netbrk-watch.service" && f.Watcher != nil && f.Watcher.Running != nil && !*f.Watcher.Running:
		case u.Active == "failed" && strings.HasPrefix(u.Name, "netbrk-"):
			reasons = append(reasons, report.Reason{Part: partOf(u), What: u.Name + " has failed", Hint: "journalctl -u " + u.Name + " -n 20"})
		}
	}
	return reasons
}

func partOf(u hostnet.UnitState) string {
	switch {
	case strings.HasPrefix(u.Name, "netbrk-rules"):
		return report.PartRules
	case strings.HasPrefix(u.Name, "netbrk-cloud"):
		return report.PartCloud
	case strings.HasPrefix(u.Name, "netbrk-hooks"), strings.HasPrefix(u.Name, "netbrk-dhclient"):
		return report.PartHooks
	}
	return report.PartWatcher
}

// networkdReasons tell why networkd is not heard. A networkd that lost the bus when
// that was restarted does not come back by itself (systemd 252), so whoever restarts
// the bus has to restart it as well. The sessions of a desktop end with the bus, which
// has to be read before the hint is typed.
func (f Facts) networkdReasons() []report.Reason {
	if f.Links == nil || f.Links.Networkd == "" {
		return nil
	}
	r := report.Reason{Part: report.PartLinks, What: string(f.Links.Networkd) + ": states of links are the kernel's"}
	switch f.Links.Networkd {
	case BusSilent, BusDown:
		r.What += ", and targets do not follow them"
		if f.Links.Networkd == BusSilent { // one that is down has ended them already
			r.What += "; a restart of the bus ends the sessions of a desktop: reboot there"
		}
		r.Hint = "systemctl restart dbus.service systemd-networkd.service"
	case NetworkdFailed:
		r.Hint = "journalctl -u systemd-networkd.service -n 20"
	default:
		r.Hint = "systemctl restart systemd-networkd.service"
	}
	return []report.Reason{r}
}

func linkReasons(doc report.Status) []report.Reason {
	var reasons []report.Reason
	for _, l := range doc.Links {
		if l.States[hostnet.AdministrativeState] == "failed" {
			reasons = append(reasons, report.Reason{
				Part: report.PartLinks, Link: l.Link, What: "systemd-networkd failed to configure it", Hint: "networkctl status " + hostnet.ShellWord(l.Link),
			})
		}
		for _, a := range l.Addresses {
			if slices.Contains(a.Flags, "dadfailed") {
				reasons = append(reasons, report.Reason{
					Part: report.PartLinks, Link: l.Link, What: a.Address.Addr().String() + " is another host's too", Hint: "ip -6 address show dev " + hostnet.ShellWord(l.Link) + " dadfailed",
				})
			}
		}
	}
	return bounded(reasons, "links are in trouble as well")
}

func (f Facts) rulesReasons(doc report.Status) []report.Reason {
	if doc.Rules == nil {
		return nil
	}
	var reasons []report.Reason
	s := doc.Rules
	if drift := driftText(s); drift != "" {
		reasons = append(reasons, report.Reason{Part: report.PartRules, What: drift, Hint: "netbrk apply-rules"})
	}
	for _, problem := range s.Problems {
		reasons = append(reasons, report.Reason{Part: report.PartRules, What: problem, Hint: "netbrk apply-rules"})
	}
	for _, l := range s.Links {
		for _, problem := range l.Problems {
			reasons = append(reasons, report.Reason{Part: report.PartRules, Link: l.Link, What: problem, Hint: "netbrk apply-rules " + hostnet.ShellWord(l.Link)})
		}
	}
	for _, object := range s.Contended {
		link, what, found := strings.Cut(object, ": ")
		if !found {
			link, what = "", object
		}
		reasons = append(reasons, report.Reason{
			Part: report.PartRules, Link: link, What: "somebody keeps removing " + what, Hint: "ip -timestamp monitor rule route",
		})
	}
	return bounded(reasons, "further faults of policy routing")
}

// driftText says what is missing, and what is too much.
func driftText(s *report.RulesStatus) string {
	// Addresses, rules or routes that are held back are missing too, and no drift.
	if len(s.Drift) == 0 || s.Missing == nil {
		return ""
	}
	var words []string
	for _, m := range []struct {
		n         int
		one, many string
	}{
		{s.Missing.Rules, "rule is missing", "rules are missing"}, {s.Missing.Routes, "route is missing or wrong", "routes are missing or wrong"},
		{s.Missing.Addresses, "address is missing", "addresses are missing"}, {s.Stale, "rule, route or address should not be there", "rules, routes or addresses should not be there"},
	} {
		if m.n > 0 {
			words = append(words, count(m.n, m.one, m.many))
		}
	}
	if len(words) == 0 {
		return count(len(s.Drift), "change is due", "changes are due") // of a link's MTU, say
	}
	return strings.Join(words, ", ")
}

func (f Facts) hooksReasons(doc report.Status) []report.Reason {
	if doc.Hooks == nil {
		return nil
	}
	var failing, refused, rest []report.Reason
	for _, r := range doc.Hooks.Failing {
		what := r.Hook + ": " + r.Outcome
		if r.LastLine != "" {
			what += ": " + r.LastLine
		}
		failing = append(failing, report.Reason{Part: report.PartHooks, Link: r.Link, What: what, Hint: again(r)})
	}
	for _, h := range doc.Hooks.Refused {
		// The reason ends with the command that helps, where there is one.
		why, hint, found := cutCommand(h.Why)
		if !found {
			hint = "netbrk status hooks"
		}
		if rest, itself := strings.CutPrefix(why, hostnet.ShellWord(h.Hook)+" "); itself {
			why = "it " + rest
		}
		refused = append(refused, report.Reason{Part: report.PartHooks, What: h.Hook + " does not run: " + why, Hint: hint})
	}
	lately := 0
	for _, e := range doc.Hooks.Entries {
		if f.Now.Sub(e.Time) < refusedFor {
			lately++
		}
	}
	if lately > 0 {
		rest = append(rest, report.Reason{
			Part: report.PartHooks, What: count(lately, "entry of the spool was refused", "entries of the spool were refused") + " in the last day", Hint: "netbrk status hooks",
		})
	}
	for _, unit := range doc.Hooks.Dispatchers {
		rest = append(rest, report.Reason{
			Part: report.PartHooks, What: unit + " is active and has scripts that netbrk is to run", Hint: "systemctl disable --now " + unit,
		})
	}
	return slices.Concat(bounded(failing, "further scripts failed"), bounded(refused, "further scripts are refused"), rest)
}

// again is how the scripts of a failed run are run once more.
func again(r report.HookRun) string {
	if state, ok := strings.CutSuffix(r.Directory, ".d"); ok && hostnet.IsLinkState(state) && r.Link != "" {
		return "netbrk run-hooks --link " + hostnet.ShellWord(r.Link) + " --state " + state
	}
	return "journalctl SYSLOG_IDENTIFIER=netbrk HOOK=" + hostnet.ShellWord(r.Hook)
}

// cutCommand parts a reason of the dispatcher's, "PATH is ...: chmod +x PATH", from the
// command at its end. A path may look as if there was a command in it: that one is not
// about what the reason begins with.
func cutCommand(why string) (rest, command string, found bool) {
	for i := range why {
		for _, verb := range []string{"chmod +x ", "chmod go-w ", "chmod ug-s ", "chown root "} {
			path, ok := strings.CutPrefix(why[i:], ": "+verb)
			if ok && strings.HasPrefix(why, path+" is ") {
				return why[:i], verb + path, true
			}
		}
	}
	return why, "", false
}

func (f Facts) cloudReasons(doc report.Status) []report.Reason {
	if doc.Cloud == nil {
		return nil
	}
	c := doc.Cloud
	var reasons []report.Reason
	switch c.Outcome {
	case "failed", "not ready", "partial":
		for _, problem := range c.Problems {
			reasons = append(reasons, report.Reason{Part: report.PartCloud, What: problem, Hint: "netbrk cloud-sync"})
		}
		if len(c.Problems) == 0 {
			reasons = append(reasons, report.Reason{Part: report.PartCloud, What: "the last sync is " + c.Outcome, Hint: "netbrk cloud-sync"})
		}
	}
	if every := f.Cloud.Every; every > 0 && !c.Next.IsZero() && !c.LastSync.IsZero() {
		if late := f.Now.Sub(c.LastSync); late > overdue*every+overdueSlack {
			reasons = append(reasons, report.Reason{
				Part: report.PartCloud, What: fmt.Sprintf("the last sync was %s ago, and one is due every %s", Duration(late), Duration(every)),
				Hint: "journalctl -u netbrk-cloud-sync.service -n 20",
			})
		}
	}
	return bounded(reasons, "further faults of the cloud's")
}

// bounded keeps the first of many, and counts the rest.
func bounded(reasons []report.Reason, rest string) []report.Reason {
	if more := len(reasons) - manyReasons; more > 1 {
		last := reasons[manyReasons]
		reasons = append(reasons[:manyReasons:manyReasons], report.Reason{
			Part: last.Part, What: fmt.Sprintf("%d %s", more, rest), Hint: "netbrk status " + statusPart(last.Part),
		})
	}
	return reasons
}

// statusPart is the verb that shows all of a part; the configuration's is its own.
func statusPart(part string) string {
	if part == report.PartConfig || part == report.PartWatcher {
		return "--json"
	}
	return part
}
