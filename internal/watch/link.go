package watch

import "github.com/netbrk/netbrk/internal/hostnet"

// host is the index of what belongs to no link: rules, routes without one, and the
// state of networkd's manager. The kernel's ifindexes begin at 1.
const host = 0

// link is what is known of one link.
type link struct {
	name   string
	kernel hostnet.Link

	addresses members
	routes    members
	rules     members // of the host only

	// told are networkd's words; nil as long as it has told none.
	told hostnet.States
	// unknown is true where networkd, asked, does not know the link: its states are
	// the kernel's then, and not before.
	unknown bool
	// doubted is the operational state by the kernel about which networkd was asked,
	// having another: it is not asked again until the two agree.
	doubted string
	// states are the words that events were made of: what the record keeps.
	states hostnet.States

	// compared are the levels as of the last events.
	compared levels
	lease    hostnet.LeaseMark
	pending  map[hostnet.Kind]*difference
}

// levels stands for a link's sets at one moment.
type levels struct {
	addresses, routes, rules Digest
	lease                    hostnet.LeaseMark
}

func (l *link) levels() levels {
	return levels{l.addresses.Digest, l.routes.Digest, l.rules.Digest, l.lease}
}

func (l *link) record(index int) Record {
	return Record{
		Index: index, Name: l.name, States: l.states,
		Addresses: l.compared.addresses, Routes: l.compared.routes, Rules: l.compared.rules,
		Lease: l.compared.lease,
	}
}

// difference is what the messages of a burst said about one level of a link:
// enough to name the object, if it was a single one.
type difference struct {
	digest uint64
	many   bool
	gone   bool
	text   string
}

// note takes in that an object came or went.
func (l *link) note(kind hostnet.Kind, digest uint64, gone bool, text func() string) {
	if l.pending == nil {
		l.pending = map[hostnet.Kind]*difference{}
	}
	d := l.pending[kind]
	switch {
	case d == nil:
		l.pending[kind] = &difference{digest: digest, gone: gone, text: text()}
	case d.digest == digest:
		d.gone = gone
	default:
		d.many = true
	}
}

// action is that of a level event: by the messages where they tell of one object,
// else by how many there were and are.
func action(d *difference, was, is int) hostnet.Action {
	switch {
	case d != nil && !d.many && d.gone:
		return hostnet.ActionRemoved
	case d != nil && !d.many:
		return hostnet.ActionAdded
	case was == 0:
		return hostnet.ActionAdded
	case is == 0:
		return hostnet.ActionRemoved
	}
	return hostnet.ActionChanged
}
