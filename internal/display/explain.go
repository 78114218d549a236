package display

import (
	"fmt"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Explain shows why traffic goes where it goes.
func Explain(e report.Explanation, o Options) string {
	e = clean(e)
	p := &page{Options: o}
	from := e.From.String()
	if e.Link != "" {
		from += " on " + e.Link
	}
	p.wrapped("", "  ", fmt.Sprintf("From %s to %s", from, e.To))
	p.line("")
	var rules []node
	for _, r := range e.Rules {
		text := fmt.Sprintf("%d: %s %s %s", r.Priority, r.Rule, p.arrow(), r.Outcome)
		if r.Why != "" {
			text += ": " + r.Why
		}
		if r.Route != nil {
			text += ": " + r.Route.String()
		}
		rules = append(rules, node{text: text})
	}
	p.tree("", rules)
	p.line("")
	p.entry("Result", verdict(e.Verdict, e.Route))
	if !e.Agrees {
		kernel := e.KernelSays
		if e.Kernel != nil {
			kernel = verdict("route", e.Kernel)
		}
		if kernel += ", which counts"; !e.Certain {
			kernel += ": not all of its rules can be judged here"
		}
		p.entry("Kernel", kernel)
	}
	p.entry("Main", verdict(e.MainVerdict, e.Main)+", without rules")
	switch {
	case e.Table == 0:
		p.entry("netbrk", "has no rules for the address")
	case len(e.Missing) == 0:
		p.entry("netbrk", fmt.Sprintf("table %d, nothing missing", e.Table))
	default:
		p.entry("netbrk", fmt.Sprintf("table %d, of which is missing:", e.Table))
		p.tree("  ", leaves(e.Missing))
		p.line("  " + p.arrow() + " netbrk apply-rules")
	}
	return p.String()
}

func verdict(word string, route *hostnet.FIBRoute) string {
	if route == nil {
		return word
	}
	table := fmt.Sprintf("table %d", route.Table)
	if route.Table == hostnet.TableMain {
		table = "table main"
	}
	return route.String() + ", by " + table
}
