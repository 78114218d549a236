package display

import (
	"fmt"

	"github.com/netbrk/netbrk/internal/report"
)

// rules say what is there of what should be.
func (p *page) rules(doc report.Status) {
	r := doc.Rules
	p.section("Rules", p.rulesHead(r))
	var lines []string
	for _, l := range r.Links {
		lines = append(lines, p.linkRules(l))
	}
	nodes := leaves(p.firstOf(lines, few, "netbrk status rules"))
	nodes = append(nodes, p.amiss(doc, fewSteps)...)
	p.tree("  ", nodes)
}

func (p *page) rulesHead(r *report.RulesStatus) string {
	switch {
	case r.Have == nil && r.Want == 0:
		return "nobody looked at the kernel, and apply-rules left none"
	case r.Have == nil:
		return fmt.Sprintf("%d wanted when apply-rules ran last, nobody looked at the kernel", r.Want)
	case r.Want == 0 && r.Stale == 0:
		return "none wanted, none there"
	}
	text := fmt.Sprintf("%d of %d rules and routes there", *r.Have, r.Want)
	if r.Wanted != nil && r.Wanted.Addresses > 0 {
		text = fmt.Sprintf("%d of %d rules, routes and addresses there", *r.Have, r.Want)
	}
	if *r.Have == r.Want {
		text = p.paint(green, text)
	} else {
		text = p.paint(yellow, text)
	}
	if r.Stale > 0 {
		text += p.paint(yellow, fmt.Sprintf(", and %d too many", r.Stale))
	}
	return text
}

func (p *page) linkRules(l report.LinkRules) string {
	name := p.paint(bold, l.Link)
	switch {
	case l.Flushed:
		return name + ": flushed by hand"
	case l.Skipped != "":
		return name + ": nothing: " + l.Skipped
	}
	text := fmt.Sprintf("%s: table %d for %s", name, l.Table, addressCount(l))
	for _, g := range []*report.RulesGateway{l.Gateway4, l.Gateway6} {
		if g != nil {
			text += ", by " + gatewayText(*g)
		}
	}
	if l.Gateway4 == nil && l.Gateway6 == nil {
		text += ", " + p.paint(yellow, "without a gateway")
	}
	return text
}

func addressCount(l report.LinkRules) string {
	if len(l.Addresses) == 1 {
		return l.Addresses[0].Addr().String()
	}
	return count(len(l.Addresses), "address")
}

func gatewayText(g report.RulesGateway) string {
	switch {
	case !g.Address.IsValid():
		return "the link alone"
	case g.Source == "":
		return g.Address.String()
	}
	return fmt.Sprintf("%s (%s)", g.Address, g.Source)
}

// amiss are what apply-rules would do, and what keeps it from it.
func (p *page) amiss(doc report.Status, steps int) []node {
	r := doc.Rules
	var nodes []node
	if len(r.Drift) > 0 {
		nodes = append(nodes, node{p.paint(yellow, "apply-rules would do"), leaves(p.firstOf(r.Drift, steps, "netbrk apply-rules --dry-run"))})
	}
	for _, object := range p.firstOf(r.Contended, few, "netbrk status rules") {
		nodes = append(nodes, node{text: p.paint(yellow, "somebody keeps removing ") + object})
	}
	for _, problem := range r.Problems {
		nodes = append(nodes, node{text: p.paint(red, problem)})
	}
	return nodes
}

// Rules writes all about policy routing.
func Rules(doc report.Status, o Options) string { return view(doc, o, (*page).allRules) }

func (p *page) allRules(doc report.Status) {
	if doc.Rules == nil {
		return
	}
	p.section("Rules", p.rulesHead(doc.Rules))
	for _, l := range doc.Rules.Links {
		p.wrapped(p.paint(rulesColour(l), p.dot())+" ", "  ", p.linkRules(l))
		p.tree("  ", p.ruleNodes(doc, l))
	}
	if nodes := p.amiss(doc, manyAddresses); len(nodes) > 0 {
		p.line("")
		p.tree("", nodes)
	}
}

func rulesColour(l report.LinkRules) colour {
	switch {
	case len(l.Problems) > 0:
		return red
	case len(l.Contended) > 0:
		return yellow
	case l.Skipped != "" || l.Flushed:
		return none
	}
	return green
}

func (p *page) ruleNodes(doc report.Status, l report.LinkRules) []node {
	var nodes []node
	var addresses []string
	for _, a := range l.Addresses {
		text := a.String()
		if a.IsSingleIP() {
			text = a.Addr().String()
		}
		addresses = append(addresses, "for "+text)
	}
	nodes = append(nodes, leaves(p.firstOf(addresses, manyAddresses, "ip rule show table "+fmt.Sprint(l.Table)))...)
	nodes = append(nodes, leaves(p.firstOf(l.Routes, manyAddresses, "ip route show table "+fmt.Sprint(l.Table)))...)
	var added []string
	for _, a := range l.Added {
		added = append(added, "cloud-sync put "+a.String()+" there")
	}
	nodes = append(nodes, leaves(p.firstOf(added, manyAddresses, "netbrk status links"))...)
	for _, note := range l.Notes {
		nodes = append(nodes, node{text: note})
	}
	for _, problem := range l.Problems {
		nodes = append(nodes, node{text: p.paint(red, problem)})
	}
	for _, loss := range l.Losses {
		text := fmt.Sprintf("%s went missing %s", loss.Object, count(loss.Count, "time"))
		if !loss.RetryAt.IsZero() {
			text += ", and is put back " + in(doc, loss.RetryAt)
		}
		nodes = append(nodes, node{text: p.paint(yellow, text)})
	}
	if !l.Changed.IsZero() {
		nodes = append(nodes, node{text: "changed " + ago(doc, l.Changed)})
	}
	return nodes
}
