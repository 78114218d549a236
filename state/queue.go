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
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Queue is the reader's side of the event spool. It trusts nothing in it: the
// spool belongs to the watcher's user.
type Queue struct {
	root   string
	dir    *os.Root
	owner  int
	log    *slog.Logger
	arrive *arrivals
	failed *failures
}

// OpenQueue opens the spool under the state directory root for reading. The
// directories must be such that nobody but root, the watcher's user and
// ourselves can have put something there.
func OpenQueue(root string, log *slog.Logger) (*Queue, error) {
	if err := makeDirs(root, eventsDir); err != nil {
		return nil, err
	}
	if err := checkRoot(root); err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	path := filepath.Join(root, eventsDir)
	owner, err := dirOwner(path)
	if err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	arrive, err := watchArrivals(path, log)
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &Queue{root: root, dir: dir, owner: owner, log: log, arrive: arrive, failed: &failures{root: root}}, nil
}

// Close releases the spool.
func (q *Queue) Close() error {
	return errors.Join(q.arrive.close(), q.dir.Close())
}

// List returns what waits, in order, by the names of the entries alone. What
// has no name of an event is moved out of the way: left behind, it would start
// the service again and again (systemd.path(5), DirectoryNotEmpty=).
func (q *Queue) List() ([]hostnet.Pending, error) {
	names, err := visible(filepath.Join(q.root, eventsDir))
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	var pending []hostnet.Pending
	for _, name := range names {
		e, ok := parseEntry(name)
		if !ok {
			q.refuse(name, fmt.Errorf("%w: not a name of the spool", errHostile))
			continue
		}
		pending = append(pending, e.pending())
	}
	slices.SortFunc(pending, func(a, b hostnet.Pending) int { return cmp.Compare(a.Seq, b.Seq) })
	return pending, nil
}

// Read returns the event of an entry. The error is fs.ErrNotExist for one that
// the writer merged into another meanwhile; an entry that is not an honest
// event is moved out of the way like a wrong name. Any other error says
// nothing about the entry, which stays.
func (q *Queue) Read(p hostnet.Pending) (hostnet.Event, error) {
	ev, err := readEvent(filepath.Join(q.root, eventsDir), p, q.owner)
	if errors.Is(err, errHostile) {
		q.refuse(p.Name, err)
	}
	return ev, err
}

func readEvent(dir string, p hostnet.Pending, owner int) (hostnet.Event, error) {
	raw, err := readFile(filepath.Join(dir, p.Name), owner, os.Geteuid())
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
	return ev, nil
}

// PeekQueue returns the events that wait under the state directory root and
// changes nothing: what would be refused is passed by.
func PeekQueue(root string) ([]hostnet.Event, error) {
	dir := filepath.Join(root, eventsDir)
	owner, err := dirOwner(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening spool: %w", err)
	}
	names, err := visible(dir)
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	var events []hostnet.Event
	for _, name := range names {
		if e, ok := parseEntry(name); ok {
			if ev, err := readEvent(dir, e.pending(), owner); err == nil {
				events = append(events, ev)
			}
		}
	}
	slices.SortFunc(events, func(a, b hostnet.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events, nil
}

func (q *Queue) refuse(name string, why error) {
	if err := q.failed.keep(name, why.Error()); err != nil {
		q.log.Warn("keeping refused spool entry", "entry", name, "err", err)
	}
	// os.Root: a directory planted there is removed without following a
	// symbolic link out of it.
	if err := q.dir.RemoveAll(name); err != nil {
		q.log.Error("removing refused spool entry", "entry", name, "err", err)
	}
}

// Done removes an event that was handled.
func (q *Queue) Done(name string) error {
	if err := ignoreMissing(q.dir.Remove(name)); err != nil {
		return fmt.Errorf("removing event %q: %w", name, err)
	}
	return nil
}

// Wait blocks until something new may be in the spool, and returns true, or
// until nothing came for quiet, and returns false.
func (q *Queue) Wait(ctx context.Context, quiet time.Duration) (bool, error) {
	return q.arrive.wait(ctx, quiet)
}
