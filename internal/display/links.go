package display

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// links is a table of those that matter most.
func (p *page) links(doc report.Status) {
	text := stateCounts(doc.Links)
	if text == "" {
		text = "none"
	}
	p.section("Links", text)
	shown := slices.Clone(doc.Links)
	if len(shown) > fewLinks+1 {
		// Those of which there is more to tell come first.
		slices.SortStableFunc(shown, func(a, b report.LinkStatus) int { return weight(b) - weight(a) })
		shown = shown[:fewLinks]
	}
	p.table(shown)
	if more := len(doc.Links) - len(shown); more > 0 {
		p.line(fmt.Sprintf("  %s and %d more: netbrk status links", p.ellipse(), more))
	}
}

func weight(l report.LinkStatus) int {
	w := 0
	for _, heavy := range []bool{
		l.States[hostnet.AdministrativeState] == "failed", l.Table != 0, len(l.Gateways) > 0, len(l.Addresses) > 0, l.Watched,
	} {
		w *= 2
		if heavy {
			w++
		}
	}
	return w
}

// table writes a line for each link, or two where the terminal is narrow.
func (p *page) table(links []report.LinkStatus) {
	name, state := 0, 0
	for _, l := range links {
		name, state = max(name, width(l.Link)), max(state, width(stateWords(l)))
	}
	for _, l := range links {
		words := stateWords(l)
		painted := p.paint(stateColour(operational(l)), words)
		dot := p.paint(stateColour(worst(l)), p.dot())
		var addresses []string
		for _, a := range l.Addresses {
			addresses = append(addresses, addressText(a))
		}
		doing := doing(l)
		if p.Width > 0 && p.Width < narrow {
			p.wrapped(dot+" ", "  ", l.Link+"  "+painted+suffix(", ", doing))
			if len(addresses) > 0 {
				p.line("  " + p.branch(true) + p.fitting(addresses, p.Width-5))
			}
			continue
		}
		head := dot + " " + pad(l.Link, name) + "  " + pad(painted, state) + "  "
		tail := ""
		if doing != "" {
			tail = p.paint(dim, doing)
			if len(addresses) > 0 {
				tail = "  " + tail
			}
		}
		room := p.Width - width(head) - width(tail)
		p.line(head + p.fitting(addresses, max(room, 12)) + tail)
	}
}

// doing is what netbrk has to do with a link, where that is not the usual.
func doing(l report.LinkStatus) string {
	var words []string
	if l.Table != 0 {
		words = append(words, fmt.Sprintf("table %d", l.Table))
	}
	if !l.Watched {
		words = append(words, "not watched")
	}
	return strings.Join(words, ", ")
}

func suffix(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// stateWords are those of networkctl's list.
func stateWords(l report.LinkStatus) string {
	if admin := l.States[hostnet.AdministrativeState]; admin != "" {
		return operational(l) + " (" + admin + ")"
	}
	return operational(l)
}

// worst is the word that a link's colour goes by.
func worst(l report.LinkStatus) string {
	if l.States[hostnet.AdministrativeState] == "failed" {
		return "failed"
	}
	return operational(l)
}

func addressText(a report.AddressStatus) string {
	text := a.Address.String()
	if about := about(a); about != "" {
		text += " (" + about + ")"
	}
	return text
}

func about(a report.AddressStatus) string {
	words := slices.Clone(a.Flags)
	if a.Origin != "" {
		words = append([]string{a.Origin}, words...)
	}
	return strings.Join(words, ", ")
}

// Links writes all about each link.
func Links(doc report.Status, o Options) string { return view(doc, o, (*page).allLinks) }

func (p *page) allLinks(doc report.Status) {
	p.section("Links", stateCounts(doc.Links))
	for _, l := range doc.Links {
		facts := []string{fmt.Sprintf("ifindex %d", l.Index)}
		if l.Kind != "" {
			facts = append(facts, strings.TrimSpace(l.Kind+" "+l.MAC))
		}
		if l.MTU != 0 {
			facts = append(facts, fmt.Sprintf("mtu %d", l.MTU))
		}
		p.wrapped(p.paint(stateColour(worst(l)), p.dot())+" ", "  ", p.paint(bold, l.Link)+" ("+strings.Join(facts, ", ")+")")
		p.tree("  ", p.linkNodes(l))
	}
}

// manyAddresses is how many of a link's are listed.
const manyAddresses = 20

func (p *page) linkNodes(l report.LinkStatus) []node {
	words := []string{p.paint(stateColour(operational(l)), operational(l))}
	for _, property := range []hostnet.Property{hostnet.AdministrativeState, hostnet.OnlineState} {
		if s := l.States[property]; s != "" {
			words = append(words, p.paint(stateColour(s), s))
		}
	}
	watched := "watched"
	if !l.Watched {
		watched = "not watched"
	}
	nodes := []node{{text: strings.Join(append(words, watched), ", ")}}
	if l.Table != 0 {
		nodes = append(nodes, node{text: fmt.Sprintf("table %d", l.Table)})
	}
	var addresses []string
	for _, a := range l.Addresses {
		addresses = append(addresses, addressText(a))
	}
	nodes = append(nodes, leaves(p.firstOf(addresses, manyAddresses, "ip address show dev "+hostnet.ShellWord(l.Link)))...)
	for _, g := range l.Gateways {
		nodes = append(nodes, node{text: "gateway " + g.String()})
	}
	if l.Leases != nil {
		nodes = append(nodes, leases(*l.Leases)...)
	}
	return nodes
}

func leases(held report.LinkLeases) []node {
	var nodes []node
	for _, lease := range []*hostnet.Lease{held.IPv4, held.IPv6} {
		if lease == nil {
			continue
		}
		text := "lease of dhclient"
		if lease.Server.IsValid() {
			text += " from " + lease.Server.String()
		}
		if !lease.Expire.IsZero() {
			text += ", until " + lease.Expire.UTC().Format("2006-01-02 15:04:05 MST")
		}
		nodes = append(nodes, node{text: text})
	}
	return nodes
}
