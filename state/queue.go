package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Queue is the reader's side of the event spool. It trusts nothing in it: the
// spool belongs to the watcher's user.
type Queue struct {
	root   string
	dir    *os.Root
	owner  int
	log    *slog.Logger
	notify *fsnotify.Watcher
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
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("watching spool: %w", err)
	}
	q := &Queue{root: root, dir: dir, owner: owner, log: log, notify: notify}
	if err := notify.Add(path); err != nil {
		q.Close()
		return nil, fmt.Errorf("watching spool: %w", err)
	}
	q.failed = &failures{root: root}
	return q, nil
}

// Close releases the spool.
func (q *Queue) Close() error {
	return errors.Join(q.notify.Close(), q.dir.Close())
}

// List returns the events that wait, in order. What is not an event is moved
// out of the way and logged: left behind, it would start the service again
// and again (systemd.path(5), DirectoryNotEmpty=).
func (q *Queue) List() ([]hostnet.QueuedEvent, error) {
	names, err := visible(filepath.Join(q.root, eventsDir))
	if err != nil {
		return nil, fmt.Errorf("reading spool: %w", err)
	}
	type found struct {
		entry
		queued hostnet.QueuedEvent
	}
	var all []found
	for _, name := range names {
		e, ev, err := q.read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // merged into another by the writer
		case err != nil:
			q.refuse(name, err)
		default:
			all = append(all, found{e, hostnet.QueuedEvent{Name: name, Event: ev}})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return a.compare(b.entry) })
	queued := make([]hostnet.QueuedEvent, len(all))
	for i, f := range all {
		queued[i] = f.queued
	}
	return queued, nil
}

func (q *Queue) read(name string) (entry, hostnet.Event, error) {
	e, ok := parseEntry(name)
	if !ok {
		return e, hostnet.Event{}, fmt.Errorf("%w: not a name of the spool", errHostile)
	}
	raw, err := readFile(filepath.Join(q.root, eventsDir, name), q.owner, os.Geteuid())
	if err != nil {
		return e, hostnet.Event{}, err
	}
	ev, err := hostnet.ParseEvent(raw)
	if err != nil {
		return e, ev, err
	}
	if ev.Kind != e.kind || ev.Index != e.index || ev.Seq != e.seq {
		return e, ev, fmt.Errorf("%w: content and name differ", errHostile)
	}
	return e, ev, nil
}

func (q *Queue) refuse(name string, why error) {
	q.log.Warn("spool entry refused", "entry", name, "err", why)
	if err := q.failed.keep(name, why.Error(), nil); err != nil {
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

// Fail moves an event that cannot be handled to failed/, with the reason.
func (q *Queue) Fail(queued hostnet.QueuedEvent, why error) error {
	return errors.Join(q.failed.keep(queued.Name, why.Error(), &queued.Event), q.Done(queued.Name))
}

// Wait blocks until something new may be in the spool, and returns true, or
// until nothing came for quiet, and returns false.
func (q *Queue) Wait(ctx context.Context, quiet time.Duration) (bool, error) {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return false, nil
		case ev, ok := <-q.notify.Events:
			if !ok {
				return false, fs.ErrClosed
			}
			// A file becomes visible by a rename; all else is our own removal
			// or the writer's hidden temporary.
			if ev.Has(fsnotify.Create) && filepath.Base(ev.Name)[0] != '.' {
				return true, nil
			}
		case err, ok := <-q.notify.Errors:
			if !ok {
				return false, fs.ErrClosed
			}
			q.log.Debug("spool notification lost", "err", err) // overflow: look again
			return true, nil
		}
	}
}
