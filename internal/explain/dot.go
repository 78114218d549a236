package explain

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Dot is a picture of a host's routing for Graphviz: addresses on the left, rules
// that name one, the tables that they lead to, gateways and links on the right.
func Dot(hosts ...Host) string {
	d := &dot{seen: map[string]bool{}}
	d.line("digraph routing {")
	d.line("  rankdir=LR;")
	d.line("  node [shape=box, fontname=\"sans-serif\"];")
	for _, h := range hosts {
		d.host(h)
	}
	d.line("}")
	return d.b.String()
}

type dot struct {
	b    strings.Builder
	seen map[string]bool
}

func (d *dot) line(text string) { d.b.WriteString(text + "\n") }

// node draws a node once.
func (d *dot) node(id, label, shape string) {
	if !d.seen[id] {
		d.seen[id] = true
		d.line(fmt.Sprintf("  %s [label=%s, shape=%s];", quote(id), quote(label), shape))
	}
}

func (d *dot) edge(from, to, label string) {
	edge := fmt.Sprintf("  %s -> %s [label=%s];", quote(from), quote(to), quote(label))
	if !d.seen[edge] {
		d.seen[edge] = true
		d.line(edge)
	}
}

// quote writes a string of the dot language, in which a backslash starts an escape
// of labels. A link's name may have either.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

func (d *dot) host(h Host) {
	for _, addr := range slices.SortedFunc(maps.Keys(h.Links), netip.Addr.Compare) {
		d.node("address "+addr.String(), addr.String(), "ellipse")
		d.node("link "+h.Links[addr], h.Links[addr], "component")
		d.edge("address "+addr.String(), "link "+h.Links[addr], "on")
	}
	tables := map[uint32]bool{}
	for i, r := range h.Rules {
		if r.Table == hostnet.TableLocal {
			continue
		}
		id := fmt.Sprintf("rule %d %d", r.Family, i)
		d.node(id, fmt.Sprintf("IPv%d %d: %s", family(r.Family), r.Priority, r), "box")
		for addr := range h.Links {
			if r.From.IsValid() && r.From.Contains(addr) {
				d.edge("address "+addr.String(), id, "from")
			}
		}
		if r.Action == "lookup" {
			tables[r.Table] = true
			d.edge(id, tableID(r.Table), "")
		}
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		d.table(table, h.Tables[table])
	}
}

func (d *dot) table(table uint32, routes []hostnet.FIBRoute) {
	name := "table " + strconv.FormatUint(uint64(table), 10)
	if table == hostnet.TableMain {
		name = "table main"
	}
	d.node(tableID(table), name, "cylinder")
	routes = slices.Clone(routes)
	slices.SortStableFunc(routes, func(a, b hostnet.FIBRoute) int {
		return cmp.Or(cmp.Compare(a.Destination.Bits(), b.Destination.Bits()), a.Destination.Addr().Compare(b.Destination.Addr()))
	})
	for _, r := range routes {
		label := r.Destination.String()
		if r.Destination.Bits() == 0 {
			label = "default"
		}
		switch {
		case r.Gateway.IsValid():
			gateway := "gateway " + r.Gateway.String()
			d.node(gateway, r.Gateway.String(), "diamond")
			d.edge(tableID(table), gateway, label)
			if r.Link != "" {
				d.node("link "+r.Link, r.Link, "component")
				d.edge(gateway, "link "+r.Link, "by")
			}
		case r.Link != "":
			d.node("link "+r.Link, r.Link, "component")
			d.edge(tableID(table), "link "+r.Link, label)
		default:
			d.node("verdict "+r.Type, r.Type, "octagon")
			d.edge(tableID(table), "verdict "+r.Type, label)
		}
	}
}

func tableID(table uint32) string { return "table " + strconv.FormatUint(uint64(table), 10) }

func family(f hostnet.Family) int {
	if f == hostnet.IPv6 {
		return 6
	}
	return 4
}
