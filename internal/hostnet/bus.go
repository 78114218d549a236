package hostnet

// BusEvent is something that networkd, or its absence, tells. Exactly one of
// the fields is set.
type BusEvent struct {
	// Up is sent when networkd is there, with all it knows: at the start, and
	// after the bus or networkd came back.
	Up *BusSnapshot
	// Down is the reason why networkd cannot be heard, in a few words.
	Down string
	// Changed is a change of properties of a link, or of the manager.
	Changed *BusChange
}

// BusSnapshot is the state of networkd at one moment.
type BusSnapshot struct {
	Manager States
	Links   map[int]States
}

// BusChange holds the properties that a signal brought, or all of a link that
// was asked for.
type BusChange struct {
	// Index is the link's ifindex, 0 for the manager.
	Index  int
	States States
	// Lease is true when nothing is told but that the state of the link's DHCPv4
	// client is another one: its lease may be new, changed or gone.
	Lease bool
	// Unknown is true when networkd was asked and does not know the link.
	Unknown bool
}
