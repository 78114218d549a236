package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Queue is the reader's side of the event spools: the watcher's, and that of
// dhclient's leases. It trusts nothing in the former, which belongs to the
// watcher's user.
type Queue struct {
	root   string
	spools []*spoolReader
	log    *slog.Logger
	arrive *arrivals
}

// spoolReader reads one of the spools.
type spoolReader struct {
	name  string // below the state directory
	path  string
	dir   *os.Root
	owner int
	// generator is the one that its events are of.
	generator string
}

func spoolDirs() []string { return []string{eventsDir, leaseEventsDir} }

// OpenQueue opens the spools under the state directory root for reading. The
// directories must be such that nobody but root, the watcher's user and
// ourselves can have put something there.
func OpenQueue(root string, log *slog.Logger) (*Queue, error) {
	q := &Queue{root: root, log: log}
	if err := q.open(); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

func (q *Queue) open() error {
	if err := makeDirs(q.root, spoolDirs()...); err != nil {
		return err
	}
	if err := checkRoot(q.root); err != nil {
		return fmt.Errorf("opening spool: %w", err)
	}
	var paths []string
	for _, name := range spoolDirs() {
		s, err := openSpoolReader(q.root, name)
		if err != nil {
			return err
		}
		q.spools = append(q.spools, s)
		paths = append(paths, s.path)
	}
	var err error
	q.arrive, err = watchArrivals(q.log, paths...)
	return err
}

func openSpoolReader(root, name string) (*spoolReader, error) {
	s := &spoolReader{name: name, path: filepath.Join(root, name)}
	if name == leaseEventsDir {
		s.generator = hostnet.GeneratorDHClient
	}
	var err error
	if s.owner, err = dirOwner(s.path); err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	// What lies in the spool of leases is believed.
	if s.generator != "" && s.owner != 0 && s.owner != os.Geteuid() {
		return nil, fmt.Errorf("opening spool: %q is owned by uid %d", s.path, s.owner)
	}
	if s.dir, err = os.OpenRoot(s.path); err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	return s, nil
}

// Close releases the spools.
func (q *Queue) Close() error {
	var errs []error
	if q.arrive != nil {
		errs = append(errs, q.arrive.close())
	}
	for _, s := range q.spools {
		errs = append(errs, s.dir.Close())
	}
	return errors.Join(errs...)
}

// List returns what waits, in order, by the names of the entries alone. What has no
// name of an event is told of and moved out of the way: left behind, it would start
// the service again and again (systemd.path(5), DirectoryNotEmpty=).
func (q *Queue) List() ([]hostnet.Pending, error) {
	var pending []hostnet.Pending
	for _, s := range q.spools {
		names, err := visible(s.path)
		if err != nil {
			return nil, fmt.Errorf("reading spool: %w", err)
		}
		for _, name := range names {
			e, ok := parseEntry(name)
			if !ok {
				q.refuse(s, name, fmt.Errorf("%w: not a name of the spool", errHostile))
				continue
			}
			pending = append(pending, s.pending(e))
		}
	}
	slices.SortFunc(pending, func(a, b hostnet.Pending) int { return cmp.Compare(a.Seq, b.Seq) })
	return pending, nil
}

// pending names an entry of any spool, as "events/NAME".
func (s *spoolReader) pending(e entry) hostnet.Pending {
	return hostnet.Pending{Name: s.name + "/" + e.name(), Seq: e.seq, Kind: e.kind, Index: e.index}
}

// find splits a name that pending made.
func (q *Queue) find(name string) (*spoolReader, string) {
	dir, base, _ := strings.Cut(name, "/")
	i := slices.IndexFunc(q.spools, func(s *spoolReader) bool { return s.name == dir })
	return q.spools[i], base
}

// Read returns the event of an entry. The error is fs.ErrNotExist for one that the
// writer merged into another meanwhile, and for one that is not an honest event, which
// is moved out of the way like a wrong name. Any other error says nothing about the
// entry, which stays.
func (q *Queue) Read(p hostnet.Pending) (hostnet.Event, error) {
	s, name := q.find(p.Name)
	ev, err := s.read(name, p)
	if errors.Is(err, errHostile) {
		q.refuse(s, name, err)
		return hostnet.Event{}, fs.ErrNotExist
	}
	return ev, err
}

func (s *spoolReader) read(name string, p hostnet.Pending) (hostnet.Event, error) {
	raw, err := readFile(filepath.Join(s.path, name), s.owner, os.Geteuid())
	if err != nil {
		return hostnet.Event{}, err
	}
	ev, err := hostnet.ParseEvent(raw)
	if err != nil {
		return hostnet.Event{}, fmt.Errorf("%w: %w", errHostile, err)
	}
	if ev.Kind != p.Kind || ev.Index != p.Index || ev.Seq != p.Seq {
		return hostnet.Event{}, fmt.Errorf("%w: content and name differ", errHostile)
	}
	if ev.Generator != s.generator {
		return hostnet.Event{}, fmt.Errorf("%w: generator %q has another spool", errHostile, ev.Generator)
	}
	return ev, nil
}

// PeekQueue returns the events that wait under the state directory root and
// changes nothing: what would be refused is passed by.
func PeekQueue(root string) ([]hostnet.Event, error) {
	var events []hostnet.Event
	for _, name := range spoolDirs() {
		s, err := openSpoolReader(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found, err := s.peek()
		if err := errors.Join(err, s.dir.Close()); err != nil {
			return nil, err
		}
		events = append(events, found...)
	}
	slices.SortFunc(events, func(a, b hostnet.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events, nil
}

// Waits reports whether an event of the watcher's is still in its spool.
func Waits(root string, ev hostnet.Event) bool {
	_, err := os.Lstat(filepath.Join(root, eventsDir, entry{ev.Seq, ev.Kind, ev.Index}.name()))
	return err == nil
}

// QueueEmpty reports whether nothing visible waits in the spools.
func QueueEmpty(root string) (bool, error) {
	for _, name := range spoolDirs() {
		if empty, err := nothingWaits(filepath.Join(root, name)); err != nil || !empty {
			return false, err
		}
	}
	return true, nil
}

func (s *spoolReader) peek() ([]hostnet.Event, error) {
	names, err := visible(s.path)
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	var events []hostnet.Event
	for _, name := range names {
		if e, ok := parseEntry(name); ok {
			if ev, err := s.read(name, s.pending(e)); err == nil {
				events = append(events, ev)
			}
		}
	}
	return events, nil
}

// refuse tells of an entry that is no event, and moves it out of the way.
func (q *Queue) refuse(s *spoolReader, name string, why error) {
	q.log.Warn("spool entry refused", "entry", s.name+"/"+name, "err", why)
	if err := keepFailure(q.root, name, why.Error()); err != nil {
		q.log.Warn("keeping refused spool entry", "entry", name, "err", err)
	}
	if err := removeEntry(s.dir, name); err != nil {
		q.log.Error("removing refused spool entry", "entry", name, "err", err)
	}
}

// Done removes an event that was handled.
func (q *Queue) Done(name string) error {
	s, base := q.find(name)
	if err := ignoreMissing(s.dir.Remove(base)); err != nil {
		return fmt.Errorf("removing event %q: %w", name, err)
	}
	return nil
}

// Wait blocks until something new may be in the spool, and returns true, or
// until nothing came for quiet, and returns false.
func (q *Queue) Wait(ctx context.Context, quiet time.Duration) (bool, error) {
	return q.arrive.wait(ctx, quiet)
}
