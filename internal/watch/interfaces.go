package watch

import "github.com/netbrk/netbrk/internal/hostnet"

// Kernel tells of links, addresses, routes and rules.
type Kernel interface {
	// Readable delivers when Receive has something; Rearm answers each.
	Readable() <-chan struct{}
	Rearm()
	// Receive passes on what was told up to now. The error is one of
	// Options.Overrun when messages were lost; what it had yet to tell is void then.
	Receive(use func(hostnet.Change)) error
	// Dump passes on every object of a kind, start before the first one of
	// each attempt.
	Dump(object hostnet.Object, start func(), use func(hostnet.Change)) error
	// Describe tells an address or a route in ip(8)'s notation.
	Describe(hostnet.Change) string
}

// Bus tells what networkd knows.
type Bus interface {
	// Events delivers in the order in which networkd told. Up or Down comes first.
	Events() <-chan hostnet.BusEvent
	// Refresh has all that networkd knows of a link told as a change; it does not
	// wait for that.
	Refresh(index int)
}

// Files tells what networkd writes about links, for administrative states
// while the bus is silent, and for leases.
type Files interface {
	// Changed delivers the ifindex of a link whose file or lease changed, or
	// 0 when any may have.
	Changed() <-chan int
	// AdministrativeState is empty where networkd keeps no file.
	AdministrativeState(index int) string
	// Lease is what a link's lease is known by.
	Lease(index int) hostnet.LeaseMark
}

// Sink takes events. Number gives an event its number and its identity; once Put
// returned nil it outlives the process.
type Sink interface {
	Number(hostnet.Event) hostnet.Event
	Put(hostnet.Event) (hostnet.Event, error)
}

// Record is the last known state of a link, kept across restarts. That of
// index 0 is the host's.
type Record struct {
	Index     int
	Name      string
	States    hostnet.States
	Addresses Digest
	Routes    Digest
	Rules     Digest
	Lease     hostnet.LeaseMark
	// Telling are the events that made the record what it is, as long as it is not
	// certain that they were put.
	Telling []hostnet.Event
}

// Records keeps records.
type Records interface {
	Save(Record) error
	Remove(index int) error
}
