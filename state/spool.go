package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxEdges is how many transitions and renames of one link, or transitions of
// networkd's manager, wait in the spool; past it the oldest ones merge. A link
// that flaps without end is thus bounded, and so is the spool: by the number
// of links, not by that of events.
const maxEdges = 64

// Spool is the writer's side of the event spool. One goroutine owns it.
type Spool struct {
	root string
	dir  string
	seq  uint64
	// lastSeq is the file that keeps seq, empty where the records of links do.
	lastSeq string
	prefix  string // of event IDs
	// edges are by link the transitions and renames that may still wait, in order.
	edges map[int][]entry
	// levels are the sequence numbers of the level events that may still wait.
	levels map[levelKey]uint64
	// added are the links whose "added" event may still wait.
	added map[int]uint64
}

type levelKey struct {
	kind  hostnet.Kind
	index int
}

// OpenSpool opens the spool under the state directory root for writing, makes
// it where it is missing, and returns the events that still wait in it, in
// order. An entry that cannot be read is the reader's to refuse.
func OpenSpool(root string) (*Spool, []hostnet.Event, error) { return openSpoolIn(root, eventsDir) }

// OpenLeaseSpool opens the spool of dhclient's leases for LockLeases' holder. It is
// apart from the watcher's, which must not be able to tell a lease, and its
// sequence numbers are others: microseconds since 1970, or, where the clock was set
// back, what comes after the last one.
func OpenLeaseSpool(root string) (*Spool, error) {
	s, _, err := openSpoolIn(root, leaseEventsDir)
	if err != nil {
		return nil, err
	}
	if err := makeDirs(root, leasesDir); err != nil {
		return nil, err
	}
	s.Resume(uint64(time.Now().UnixMicro()))
	s.lastSeq = filepath.Join(root, leasesDir, ".seq")
	// One that cannot be read is as good as none.
	raw, _ := readFile(s.lastSeq, os.Geteuid())
	if last, err := strconv.ParseUint(string(raw), 10, 63); err == nil {
		s.Resume(last)
	}
	return s, nil
}

func openSpoolIn(root, dir string) (*Spool, []hostnet.Event, error) {
	if err := makeDirs(root, dir); err != nil {
		return nil, nil, err
	}
	s := &Spool{
		root:   root,
		dir:    filepath.Join(root, dir),
		prefix: strconv.FormatInt(time.Now().UnixNano(), 36),
		edges:  map[int][]entry{},
		levels: map[levelKey]uint64{},
		added:  map[int]uint64{},
	}
	if err := clearTemps(s.dir); err != nil {
		return nil, nil, err
	}
	pending, err := s.scan()
	if err != nil {
		return nil, nil, err
	}
	return s, pending, nil
}

func (s *Spool) scan() ([]hostnet.Event, error) {
	names, err := visible(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	var entries []entry
	for _, name := range names {
		if e, ok := parseEntry(name); ok {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, entry.compare)
	var events []hostnet.Event
	for _, e := range entries {
		s.seq = max(s.seq, e.seq)
		ev, ok := s.read(e)
		if !ok {
			continue
		}
		if old, ok := s.levels[levelKey{e.kind, e.index}]; ok {
			// The last writer was killed after it wrote the merged event and
			// before it removed the one that it had merged.
			_ = s.drop(old, e.kind, e.index)
			events = slices.DeleteFunc(events, func(ev hostnet.Event) bool { return ev.Seq == old })
		}
		s.note(e, ev)
		events = append(events, ev)
	}
	return events, nil
}

// Resume makes sequence numbers go on after seq, the highest one that the
// saved states of links remember.
func (s *Spool) Resume(seq uint64) { s.seq = max(s.seq, seq) }

// Seq returns the last sequence number that was given out.
func (s *Spool) Seq() uint64 { return s.seq }

// Number gives an event the next sequence number and an identity.
func (s *Spool) Number(ev hostnet.Event) hostnet.Event {
	s.seq++
	ev.Seq = s.seq
	ev.ID = s.prefix + "-" + strconv.FormatUint(ev.Seq, 10)
	return ev
}

// Put writes an event to the spool and returns it, where it took in waiting ones
// with their count. One without a number is given the next. Once Put has returned
// nil the event outlives this process.
func (s *Spool) Put(ev hostnet.Event) (hostnet.Event, error) {
	if ev.Seq == 0 {
		ev = s.Number(ev)
	}
	if s.lastSeq != "" {
		if err := writeFile(filepath.Dir(s.lastSeq), filepath.Base(s.lastSeq), strconv.AppendUint(nil, s.seq, 10), 0o644); err != nil {
			return ev, err
		}
	}
	e := entry{seq: ev.Seq, kind: ev.Kind, index: ev.Index}
	var replaces *entry
	switch {
	case ev.Kind.IsLevel():
		ev, replaces = s.mergeLevel(ev)
	case ev.Kind == hostnet.KindLinks && ev.Action == hostnet.ActionRemoved:
		if s.dropUnseen(ev.Index) {
			return ev, nil
		}
	default:
		if err := s.boundEdges(ev.Index); err != nil {
			return ev, err
		}
	}
	if err := s.write(e, ev); err != nil {
		return ev, err
	}
	if replaces != nil {
		// The reader may have handled and removed it by now.
		if err := ignoreMissing(os.Remove(filepath.Join(s.dir, replaces.name()))); err != nil {
			return ev, fmt.Errorf("removing merged event: %w", err)
		}
	}
	s.note(e, ev)
	return ev, nil
}

func (s *Spool) note(e entry, ev hostnet.Event) {
	switch {
	case e.kind.IsLevel():
		s.levels[levelKey{e.kind, e.index}] = e.seq
	case ev.Action == hostnet.ActionAdded:
		s.added[e.index] = e.seq
	case ev.Action == hostnet.ActionRemoved:
		s.forget(e.index)
	default:
		s.edges[e.index] = append(s.edges[e.index], e)
	}
}

// mergeLevel takes the waiting event of the same kind and link into ev. The
// merged event is a new file: the reader may be handling the old one at this
// moment, and would then remove what it has not seen.
func (s *Spool) mergeLevel(ev hostnet.Event) (hostnet.Event, *entry) {
	key := levelKey{ev.Kind, ev.Index}
	seq, ok := s.levels[key]
	if !ok {
		return ev, nil
	}
	e := entry{seq: seq, kind: ev.Kind, index: ev.Index}
	old, ok := s.read(e)
	if !ok {
		delete(s.levels, key)
		return ev, nil
	}
	ev.Coalesced += old.Coalesced + 1
	// A link has one lease: if it ended at last, it ended, and of no other address.
	lease := ev.Kind == hostnet.KindLeases
	if old.Action != ev.Action && (!lease || ev.Action != hostnet.ActionRemoved) {
		ev.Action = hostnet.ActionChanged
	}
	if old.Address != ev.Address && !lease {
		ev.Address = ""
	}
	if old.Route != ev.Route {
		ev.Route = ""
	}
	return ev, &e
}

// boundEdges makes room for one more transition or rename of a link.
func (s *Spool) boundEdges(index int) error {
	waiting := s.edges[index]
	if len(waiting) < maxEdges {
		return nil
	}
	waiting = slices.DeleteFunc(waiting, func(e entry) bool {
		_, err := os.Lstat(filepath.Join(s.dir, e.name()))
		return errors.Is(err, fs.ErrNotExist)
	})
	s.edges[index] = waiting
	if len(waiting) < maxEdges {
		return nil
	}
	return s.mergeOldest(index)
}

// edgeKind is what two edges must share to merge: transitions of one property
// do, and renames.
type edgeKind struct {
	kind     hostnet.Kind
	property hostnet.Property
}

// mergeOldest merges the two oldest edges of one kind into the later one,
// which keeps its place in the order. The very oldest is left out: the reader,
// which handles a link's events one after another, may be at it. Of the
// others, more than the three kinds there are, two are of the same.
func (s *Spool) mergeOldest(index int) error {
	waiting := s.edges[index]
	first := map[edgeKind]int{}
	for i := 1; i < len(waiting); i++ {
		later, ok := s.read(waiting[i])
		if !ok {
			continue // handled meanwhile, or the reader's to refuse
		}
		key := edgeKind{later.Kind, later.Property}
		at, found := first[key]
		if !found {
			first[key] = i
			continue
		}
		earlier, ok := s.read(waiting[at])
		if !ok {
			first[key] = i
			continue
		}
		return s.mergeEdges(at, earlier, waiting[i], later)
	}
	return nil
}

// mergeEdges takes the link's edge at the given place into a later one.
func (s *Spool) mergeEdges(at int, earlier hostnet.Event, e entry, later hostnet.Event) error {
	later.Previous = earlier.Previous
	later.PreviousLink = earlier.PreviousLink
	later.Coalesced += earlier.Coalesced + 1
	if err := s.write(e, later); err != nil {
		return err
	}
	gone := s.edges[e.index][at]
	s.edges[e.index] = slices.Delete(s.edges[e.index], at, at+1)
	if err := ignoreMissing(os.Remove(filepath.Join(s.dir, gone.name()))); err != nil {
		return fmt.Errorf("removing merged event: %w", err)
	}
	return nil
}

// forget leaves nothing noted of a link that vanished: with what waits of it merges
// nothing that comes after, of a link that has its ifindex again.
func (s *Spool) forget(index int) {
	delete(s.added, index)
	delete(s.edges, index)
	for _, kind := range hostnet.Kinds() {
		delete(s.levels, levelKey{kind, index})
	}
}

// dropUnseen drops what waits for a link that vanished, if it came and went unseen:
// before any hook could learn that it was there. It reports whether that was so.
func (s *Spool) dropUnseen(index int) bool {
	added, waits := s.added[index]
	// A reader notes the link of an "added" event, and then looks whether that still
	// waits. So it is dropped first and the note looked for after it: one of the two
	// sees what the other did.
	if _, seen := readSeen(s.root, index); !waits || seen || s.drop(added, hostnet.KindLinks, index) != nil {
		return false
	}
	if _, seen := readSeen(s.root, index); seen {
		return false
	}
	for _, e := range s.edges[index] {
		_ = s.drop(e.seq, e.kind, index)
	}
	for _, kind := range hostnet.Kinds() {
		if seq, ok := s.levels[levelKey{kind, index}]; ok {
			_ = s.drop(seq, kind, index)
		}
	}
	s.forget(index)
	return true
}

func (s *Spool) drop(seq uint64, kind hostnet.Kind, index int) error {
	return os.Remove(filepath.Join(s.dir, entry{seq, kind, index}.name()))
}

func (s *Spool) write(e entry, ev hostnet.Event) error {
	data, err := json.Marshal(ev)
	if err != nil {
		return fmt.Errorf("encoding event: %w", err)
	}
	return writeFile(s.dir, e.name(), data, 0o644)
}

func (s *Spool) read(e entry) (hostnet.Event, bool) {
	raw, err := readFile(filepath.Join(s.dir, e.name()), os.Geteuid())
	if err != nil {
		return hostnet.Event{}, false
	}
	ev, err := hostnet.ParseEvent(raw)
	return ev, err == nil
}
