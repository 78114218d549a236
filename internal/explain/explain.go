package explain

import (
	"net/netip"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Host is what is known of a host's routing in one family.
type Host struct {
	Rules  []hostnet.FIBRule
	Tables Tables
	// Links are the names of links by their addresses.
	Links map[netip.Addr]string
}

// Answer is the kernel's own; Err is set where no route leads.
type Answer struct {
	Route hostnet.FIBRoute
	Err   error
}

// Explain composes the document. missing are the steps that apply-rules would take.
func Explain(h Host, from, to netip.Addr, kernel Answer, table uint32, missing []string) report.Explanation {
	w := Rules(h.Rules, h.Tables, from, to)
	alone := Rules(MainAlone(hostnet.FamilyOf(to)), h.Tables, from, to)
	e := report.Explanation{
		SchemaVersion: report.ExplainSchema, From: from, To: to, Link: h.Links[from], Rules: []report.ExplainedRule{},
		Verdict: w.Verdict, Route: w.Route, Certain: w.Certain, MainVerdict: alone.Verdict, Main: alone.Route,
		Table: table, Missing: []string{},
	}
	for _, s := range w.Steps {
		e.Rules = append(e.Rules, report.ExplainedRule{
			Priority: s.Rule.Priority, Rule: s.Rule.String(), Outcome: s.Outcome, Why: s.Why, Route: s.Route,
		})
	}
	if kernel.Err != nil {
		e.KernelSays = kernel.Err.Error()
		e.Agrees = w.Verdict != "route"
	} else {
		e.Kernel = &kernel.Route
		e.Agrees = w.Verdict == "route" && same(*w.Route, kernel.Route)
	}
	for _, step := range missing {
		if about(step, from) {
			e.Missing = append(e.Missing, step)
		}
	}
	return e
}

// same compares what a packet would notice. Of several hops, or routes of one
// prefix and metric, the kernel takes now one, now another.
func same(ours, kernels hostnet.FIBRoute) bool {
	return ours.Table == kernels.Table && ours.Destination == kernels.Destination && ours.Metric == kernels.Metric &&
		(ours.Hops > 1 || ours.Link == kernels.Link && ours.Gateway == kernels.Gateway)
}

// about reports whether a command names an address.
func about(command string, addr netip.Addr) bool {
	for _, word := range strings.Fields(command) {
		if word == addr.String() || strings.HasPrefix(word, addr.String()+"/") {
			return true
		}
	}
	return false
}
