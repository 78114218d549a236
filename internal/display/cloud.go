package display

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// cloud says what the metadata told, and when.
func (p *page) cloud(doc report.Status) {
	c := doc.Cloud
	p.section("Cloud", p.cloudHead(doc))
	var nodes []node
	for _, nic := range c.NICs {
		nodes = append(nodes, node{text: p.nicText(nic)})
	}
	nodes = append(nodes, p.cloudTrouble(c)...)
	p.tree("  ", nodes)
}

func (p *page) cloudHead(doc report.Status) string {
	c := doc.Cloud
	if c.Provider == "" || c.Provider == "none" {
		return suffix("none", suffix(": ", c.Why))
	}
	words := []string{fmt.Sprintf("%s (%s)", c.Provider, c.Why)}
	for _, fact := range []string{c.System.InstanceID, c.System.Type, firstWord(c.System.Zone, c.System.Region)} {
		if fact != "" {
			words = append(words, fact)
		}
	}
	switch {
	case c.LastSync.IsZero():
		words = append(words, p.paint(yellow, "never synced"))
	default:
		words = append(words, "synced "+ago(doc, c.LastSync)+": "+p.paint(outcomeColour(c.Outcome), c.Outcome))
	}
	if !c.Next.IsZero() {
		words = append(words, "next "+in(doc, c.Next))
	}
	return strings.Join(words, ", ")
}

func firstWord(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func outcomeColour(outcome string) colour {
	switch outcome {
	case "done":
		return green
	case "failed":
		return red
	}
	return yellow
}

func (p *page) nicText(nic report.CloudLink) string {
	words := []string{p.paint(bold, nic.Link) + " " + nic.NIC.MAC}
	if nic.NIC.Primary {
		words = append(words, "primary")
	}
	words = append(words, count(len(nic.NIC.Addresses), "address"))
	if n := len(nic.NIC.Ranges); n > 0 {
		words = append(words, count(n, "range"))
	}
	if nic.Routed {
		words = append(words, "own table")
	}
	switch {
	case nic.Rival != "":
		words = append(words, p.paint(yellow, "left to "+nic.Rival))
	case nic.Keeper != "":
		words = append(words, "configured by "+nic.Keeper)
	default:
		words = append(words, "configured by nobody else")
	}
	return strings.Join(words, ", ")
}

func (p *page) cloudTrouble(c *report.CloudStatus) []node {
	var nodes []node
	for _, problem := range c.Problems {
		nodes = append(nodes, node{text: p.paint(yellow, problem)})
	}
	return nodes
}

// Cloud writes all about what the cloud told.
func Cloud(doc report.Status, o Options) string { return view(doc, o, (*page).allCloud) }

func (p *page) allCloud(doc report.Status) {
	if doc.Cloud == nil {
		return
	}
	c := doc.Cloud
	p.section("Cloud", p.cloudHead(doc))
	p.tree("  ", p.cloudTrouble(c))
	for _, nic := range c.NICs {
		p.wrapped(p.paint(nicColour(nic), p.dot())+" ", "  ", p.nicText(nic))
		p.tree("  ", p.nicNodes(nic.NIC))
	}
}

func nicColour(nic report.CloudLink) colour {
	if nic.Rival != "" {
		return yellow
	}
	return green
}

func (p *page) nicNodes(nic hostnet.NIC) []node {
	var addresses []string
	for _, a := range nic.Addresses {
		text := a.Addr.String()
		if a.Bits != 0 {
			text = fmt.Sprintf("%s/%d", a.Addr, a.Bits)
		}
		text += " " + string(a.Role)
		if a.Public.IsValid() {
			text += ", " + a.Public.String() + " outside"
		}
		addresses = append(addresses, text)
	}
	nodes := leaves(p.firstOf(addresses, manyAddresses, "netbrk status cloud --json"))
	for _, r := range nic.Ranges {
		nodes = append(nodes, node{text: r.Prefix.String() + " " + r.Kind})
	}
	for _, r := range nic.Routes {
		nodes = append(nodes, node{text: "route " + r.Destination.String() + " via " + r.Gateway.String()})
	}
	for _, g := range []fmt.Stringer{nic.Gateway4, nic.Gateway6} {
		if text := g.String(); text != "invalid IP" {
			nodes = append(nodes, node{text: "gateway " + text})
		}
	}
	if nic.MTUBytes != 0 {
		nodes = append(nodes, node{text: fmt.Sprintf("mtu %d", nic.MTUBytes)})
	}
	return nodes
}

// fact is a line of the displays of the older tools.
type fact struct{ label, value string }

// System writes the facts of the instance as `cnctl status system` did: a label at
// the right of its column, and the value.
func System(doc report.Status, o Options) string {
	doc = clean(doc)
	p := &page{Options: o}
	if doc.Cloud == nil || doc.Cloud.System.Provider == "" {
		return ""
	}
	p.facts(systemFacts(doc.Cloud.System))
	return p.String()
}

func systemFacts(s hostnet.System) []fact {
	facts := []fact{
		{"Cloud provider", s.Provider}, {"Instance id", s.InstanceID}, {"Name", s.Name}, {"Hostname", s.Hostname}, {"Type", s.Type},
		{"Image", s.Image}, {"Region", s.Region}, {"Zone", s.Zone}, {"Account", s.Account}, {"Lifecycle", s.Lifecycle},
		{"Public IPv4", s.PublicIPv4},
	}
	// The details of a cloud say some of it in its own words: those are left out that
	// say nothing new.
	for _, d := range s.Details {
		known := false
		for _, f := range facts {
			known = known || strings.EqualFold(f.label, d.Key) && f.value == d.Value
		}
		if !known && d.Key != "" {
			facts = append(facts, fact{capital(d.Key), d.Value})
		}
	}
	if n := len(s.SSHKeys); n > 0 {
		facts = append(facts, fact{"SSH keys", fmt.Sprint(n)})
	}
	return facts
}

// Network writes the network cards as `cnctl status network` did.
func Network(doc report.Status, o Options) string {
	doc = clean(doc)
	p := &page{Options: o}
	if doc.Cloud == nil {
		return ""
	}
	for i, nic := range doc.Cloud.NICs {
		if i > 0 {
			p.line("")
		}
		p.facts(nicFacts(nic))
	}
	return p.String()
}

func nicFacts(nic report.CloudLink) []fact {
	var public, private, subnets, ranges []string
	for _, a := range nic.NIC.Addresses {
		if a.Public.IsValid() {
			public = append(public, a.Public.String())
		}
		private = append(private, a.Addr.String())
	}
	for _, s := range nic.NIC.Subnets {
		subnets = append(subnets, s.String())
	}
	for _, r := range nic.NIC.Ranges {
		ranges = append(ranges, r.Prefix.String())
	}
	primary := ""
	if nic.NIC.Primary {
		primary = "yes"
	}
	return []fact{
		{"Name", nic.Link}, {"MAC address", nic.NIC.MAC}, {"Id", nic.NIC.ID}, {"Primary", primary},
		{"Public IP", strings.Join(public, "\n")}, {"Private IP", strings.Join(private, "\n")},
		{"Subnet", strings.Join(subnets, "\n")}, {"Ranges", strings.Join(ranges, "\n")},
	}
}

// facts writes those that have a value, a line for each of its lines.
func (p *page) facts(facts []fact) {
	column := 0
	for _, f := range facts {
		if f.value != "" {
			column = max(column, width(f.label))
		}
	}
	for _, f := range facts {
		label := f.label + ": "
		if f.value == "" {
			continue
		}
		for value := range strings.SplitSeq(f.value, "\n") {
			indent := strings.Repeat(" ", column+2)
			first := strings.Repeat(" ", column+2-width(label)) + label
			if label == "" {
				first = indent
			}
			p.wrapped(first, indent, value)
			label = ""
		}
	}
}

// capital begins a key with a capital letter.
func capital(key string) string {
	first, size := utf8.DecodeRuneInString(key)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + key[size:]
}
