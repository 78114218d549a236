package display

import (
	"fmt"
	"strings"

	"github.com/netbrk/netbrk/internal/health"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// hooks say how the last ones went.
func (p *page) hooks(doc report.Status) {
	p.section("Hooks", p.hooksHead(doc.Hooks))
	var refused []string
	for _, h := range doc.Hooks.Refused {
		why := strings.TrimPrefix(h.Why, hostnet.ShellWord(h.Hook)+" ") // it names the object
		refused = append(refused, p.paint(yellow, "refused ")+h.Hook+": "+why)
	}
	p.tree("  ", leaves(p.firstOf(refused, few, "netbrk status hooks")))
	p.runs(doc, fewRuns)
}

func (p *page) hooksHead(h *report.HooksStatus) string {
	if len(h.Runs) == 0 && len(h.Refused) == 0 {
		return "none ran yet"
	}
	words := []string{count(len(h.Runs), "run") + " kept"}
	if h.Failures > 0 {
		words = append(words, p.paint(yellow, fmt.Sprintf("%d of them failed", h.Failures)))
	}
	if n := len(h.Failing); n > 0 {
		words = append(words, p.paint(red, count(n, "script")+" failing"))
	}
	if n := len(h.Refused); n > 0 {
		words = append(words, p.paint(yellow, count(n, "script")+" refused"))
	}
	if h.Unhandled > 0 {
		words = append(words, p.paint(yellow, count(h.Unhandled, "spool file")+" refused"))
	}
	return strings.Join(words, ", ")
}

// runs lists the newest ones.
func (p *page) runs(doc report.Status, most int) {
	runs := doc.Hooks.Runs
	if len(runs) > most+1 {
		runs = runs[:most]
	}
	when, hook, link := 0, 0, 0
	for _, r := range runs {
		when, hook, link = max(when, width(ago(doc, r.Start))), max(hook, width(hookPath(r.Hook))), max(link, width(r.Link))
	}
	for _, r := range runs {
		dot := p.paint(runColour(r), p.dot())
		outcome := r.Outcome
		if r.Failed {
			outcome = p.paint(red, outcome) + suffix(": ", r.LastLine)
		} else {
			outcome += ", " + health.Duration(seconds(r.Duration))
		}
		name := hookPath(r.Hook)
		head := dot + " " + pad(ago(doc, r.Start), when) + "  " + pad(r.Link, link) + "  " + pad(name, hook) + "  "
		if p.Width > 0 && (p.Width < narrow || width(head) > p.Width*2/3) {
			p.wrapped(dot+" ", "  ", name+suffix(" for ", r.Link)+", "+ago(doc, r.Start))
			p.wrapped("  "+p.branch(true), "     ", outcome)
			continue
		}
		p.wrapped(head, strings.Repeat(" ", width(head)), outcome)
	}
	if more := len(doc.Hooks.Runs) - len(runs); more > 0 {
		p.line(fmt.Sprintf("  %s and %d more: netbrk status hooks", p.ellipse(), more))
	}
}

func runColour(r report.HookRun) colour {
	switch {
	case r.Failed:
		return red
	case r.Outcome == "done":
		return green
	}
	return yellow
}

// Hooks writes all about scripts.
func Hooks(doc report.Status, o Options) string { return view(doc, o, (*page).allHooks) }

func (p *page) allHooks(doc report.Status) {
	if doc.Hooks == nil {
		return
	}
	h := doc.Hooks
	p.section("Hooks", p.hooksHead(h))
	for _, r := range h.Failing {
		below := []node{{text: p.paint(red, r.Outcome) + ", " + ago(doc, r.Start) + ", after " + health.Duration(seconds(r.Duration))}}
		if r.LastLine != "" {
			below = append(below, node{text: r.LastLine})
		}
		p.wrapped(p.paint(red, p.dot())+" ", "  ", "failing "+r.Hook+suffix(" for ", r.Link))
		p.tree("  ", below)
	}
	for _, s := range h.Refused {
		p.wrapped(p.paint(yellow, p.dot())+" ", "  ", "refused "+s.Hook)
		p.tree("  ", []node{{text: s.Why}})
	}
	for _, e := range h.Entries[:min(len(h.Entries), manyAddresses)] {
		p.wrapped(p.paint(yellow, p.dot())+" ", "  ", "refused spool file "+e.Entry+", "+ago(doc, e.Time))
		p.tree("  ", []node{{text: strings.TrimPrefix(e.Why, "refused: ")}})
	}
	for _, unit := range h.Dispatchers {
		p.wrapped(p.paint(yellow, p.dot())+" ", "  ", unit+" runs the same scripts")
	}
	if len(h.Runs) > 0 {
		p.section("Runs", "the newest first")
		p.runs(doc, len(h.Runs))
	}
}

// hookPath shortens a hook's path to what tells it from others.
func hookPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasSuffix(part, ".d") && i < len(parts)-1 {
			return strings.Join(parts[i:], "/")
		}
	}
	return path
}
