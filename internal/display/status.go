package display

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// How much of a list the overview shows.
const (
	fewLinks = 12
	fewRuns  = 5
	fewSteps = 5
	few      = 6
)

// Status writes one screen about all that the document has.
func Status(doc report.Status, o Options) string { return view(doc, o, (*page).all) }

func (p *page) all(doc report.Status) {
	if doc.Watcher != nil {
		p.watcher(doc)
	}
	if doc.Links != nil {
		p.links(doc)
	}
	if doc.Rules != nil {
		p.rules(doc)
	}
	if doc.Hooks != nil {
		p.hooks(doc)
	}
	if doc.Cloud != nil {
		p.cloud(doc)
	}
}

// view writes what there is to say between what is wrong and what was noted.
func view(doc report.Status, o Options, say func(*page, report.Status)) string {
	doc = clean(doc)
	p := &page{Options: o}
	p.health(doc)
	say(p, doc)
	p.notes(doc)
	return p.String()
}

// health says whether anything is wrong, and what to type.
func (p *page) health(doc report.Status) {
	on := ""
	if doc.HostName != "" {
		on = " on " + doc.HostName
	}
	if doc.Health.State == report.HealthOK {
		p.wrapped(p.paint(green, p.dot())+" ", "  ", "netbrk "+doc.Version+on+": "+p.paint(green, "ok"))
		return
	}
	c := red
	if slices.IndexFunc(doc.Health.Reasons, severe) < 0 {
		c = yellow
	}
	head := fmt.Sprintf("degraded, %s", count(len(doc.Health.Reasons), "reason"))
	p.wrapped(p.paint(c, p.dot())+" ", "  ", "netbrk "+doc.Version+on+": "+p.paint(c, head))
	for _, r := range doc.Health.Reasons {
		what := r.What
		if r.Link != "" {
			what = r.Link + ": " + what
		}
		first, rest := "  "+pad(p.paint(bold, r.Part), labelWidth), strings.Repeat(" ", labelWidth+2)
		if p.Width > 0 && p.Width < narrow {
			p.line("  " + p.paint(bold, r.Part))
			first, rest = "    ", "    "
		}
		p.wrapped(first, rest, what)
		if r.Hint != "" {
			arrow := p.arrow() + " "
			p.wrapped(rest+p.paint(dim, arrow), rest+strings.Repeat(" ", width(arrow)), r.Hint)
		}
	}
}

// severe are reasons for which something does not work at all.
func severe(r report.Reason) bool {
	return r.Part == report.PartConfig || r.Part == report.PartWatcher
}

func (p *page) watcher(doc report.Status) {
	w := doc.Watcher
	text := p.paint(yellow, "not known to be running")
	switch {
	case w.Running != nil && *w.Running:
		text = p.paint(green, "running")
		if w.PID != 0 {
			text += fmt.Sprintf(" (pid %d)", w.PID)
		}
	case w.Running != nil:
		text = p.paint(red, "not running")
	}
	text += ", states by " + strings.Join(w.Generators, " and ")
	if w.Pending == 0 {
		text += ", nothing waits"
	} else {
		var spools []string
		for _, s := range w.Spools {
			if s.Pending > 0 {
				spools = append(spools, fmt.Sprintf("%d in %s", s.Pending, s.Spool))
			}
		}
		text += fmt.Sprintf(", %s for %s at most", waiting(spools), health.Duration(seconds(w.Oldest)))
	}
	p.section("Watcher", text)
}

func waiting(spools []string) string { return strings.Join(spools, " and ") + " waiting" }

// section is an empty line and a label.
func (p *page) section(label, text string) {
	p.line("")
	p.entry(label, text)
}

func (p *page) notes(doc report.Status) {
	if len(doc.Notes) == 0 {
		return
	}
	p.line("")
	for i, note := range doc.Notes {
		label := ""
		if i == 0 {
			label = "Notes"
		}
		p.entry(label, note)
	}
}

// stateCounts counts the links by state, the best first.
func stateCounts(links []report.LinkStatus) string {
	counts := map[string]int{}
	for _, l := range links {
		counts[operational(l)]++
	}
	var words []string
	order := append([]string{"routable", "degraded", "carrier"}, hostnet.LinkStates()...)
	for _, s := range append(order, "unknown") {
		if n := counts[s]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, s))
			delete(counts, s)
		}
	}
	return strings.Join(words, ", ")
}

func operational(l report.LinkStatus) string {
	if s := l.States[hostnet.OperationalState]; s != "" {
		return s
	}
	return "unknown"
}

func stateColour(state string) colour {
	switch state {
	case "routable", "configured", "online", "enslaved":
		return green
	case "no-carrier", "failed", "offline":
		return red
	case "off", "unmanaged", "unknown", "carrier":
		return none
	}
	return yellow
}

// ago says when something was, by the time of the document.
func ago(doc report.Status, at time.Time) string {
	if d := doc.Time.Sub(at); d >= time.Second {
		return health.Duration(d) + " ago"
	}
	return "just now"
}

func in(doc report.Status, at time.Time) string {
	if d := at.Sub(doc.Time); d >= time.Second {
		return "in " + health.Duration(d)
	}
	return "now"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
