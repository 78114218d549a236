package hostnet

// Pending is an event that waits in a queue, as far as its name tells of it:
// enough to keep order without reading the event itself. What is read later
// counts; a Pending whose event says otherwise is a forgery.
type Pending struct {
	// Name names the entry in its queue, and is never used for another one.
	Name string
	// Seq, Kind and Index are those of the event.
	Seq   uint64
	Kind  Kind
	Index int
}
