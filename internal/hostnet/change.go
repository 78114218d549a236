package hostnet

// Object is a kind of thing that the kernel tells of.
type Object uint8

// The objects of rtnetlink(7) that netbrk follows.
const (
	ObjectLink Object = iota
	ObjectAddr
	ObjectRoute
	ObjectRule
)

// String names the objects of a kind.
func (o Object) String() string {
	switch o {
	case ObjectLink:
		return "links"
	case ObjectAddr:
		return "addresses"
	case ObjectRoute:
		return "routes"
	}
	return "rules"
}

// Change is one message of the kernel: an object is there, or is gone. In a
// dump every object is there.
type Change struct {
	Object Object
	// Gone is true when the object was removed.
	Gone bool
	// Replaced is true when a new route took another's place, of which the
	// kernel sends no removal (NLM_F_REPLACE of netlink(7)).
	Replaced bool
	// Index is the ifindex of the link that the object is or belongs to; 0 for
	// rules and for routes without a link.
	Index int
	// Link is set for links, Addr for addresses.
	Link Link
	Addr Addr
	// Digest identifies an address, route or rule by what makes it another
	// one, so not by lifetimes, counters and flags that come and go. It is
	// the same in every process.
	Digest uint64
	// Protocol and Table are set for routes and rules: who made it, FRA_PROTOCOL
	// and rtm_protocol of rtnetlink(7), and the table that a route is in or a
	// rule looks up; 0 for a rule with another action.
	Protocol uint8
	Table    uint32
	// Raw is the kernel's message, for a description; it is valid only during
	// the call that it is passed to.
	Raw []byte
}
