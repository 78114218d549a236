package dispatcher

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Queue is the reader's side of the spool.
type Queue interface {
	// List returns what waits, in order.
	List() ([]hostnet.Pending, error)
	// Read returns the event of an entry. The error is fs.ErrNotExist for one
	// that was merged into a later one; what cannot be read as an event the
	// queue has moved out of the way.
	Read(p hostnet.Pending) (hostnet.Event, error)
	// Done removes an entry that was handled.
	Done(name string) error
	// Wait returns true when something new may wait, and false when nothing
	// came for the time given.
	Wait(ctx context.Context, quiet time.Duration) (bool, error)
}

// Handler handles one event and reports whether it is done with; one that is
// not stays in the queue.
type Handler func(ctx context.Context, ev hostnet.Event) (handled bool)

// DrainOptions bound a drain.
type DrainOptions struct {
	// Workers is how many links are served side by side.
	Workers int
	// Linger is how long the queue must have stayed empty before Drain ends.
	Linger time.Duration
	// MaxAge is how long Drain takes in events; 0 means without end.
	MaxAge time.Duration
	Log    *slog.Logger
}

// Drain handles what waits in the queue, and what comes, until the queue has
// stayed empty for a while. The events of one link are handled in order, one
// at a time; links are served side by side, and none waits for a slow script
// of another as long as there is a worker left.
//
// It returns nil when it has emptied the queue or its time is over, and ctx's
// error when it was told to end; either way no handler is at work any more.
func Drain(ctx context.Context, q Queue, o DrainOptions, h Handler) error {
	d := &drain{
		queue: q, DrainOptions: o, handler: h,
		lanes: map[lane]*line{}, known: map[string]bool{}, finished: make(chan outcome),
	}
	if o.MaxAge > 0 {
		d.deadline = time.Now().Add(o.MaxAge)
	}
	return d.run(ctx)
}

// lane is what keeps events in order: a link, or one kind of event that is
// about none.
type lane struct {
	index int
	kind  hostnet.Kind
}

func laneOf(p hostnet.Pending) lane {
	if p.Index != 0 {
		return lane{index: p.Index}
	}
	return lane{kind: p.Kind}
}

// line is what waits in a lane.
type line struct {
	waiting []hostnet.Pending
	busy    bool
}

type outcome struct {
	lane    lane
	entry   hostnet.Pending
	handled bool
}

type drain struct {
	DrainOptions
	queue    Queue
	handler  Handler
	lanes    map[lane]*line
	ready    []lane // lanes with something to do and nobody at it, first come first served
	known    map[string]bool
	busy     int
	finished chan outcome
	deadline time.Time
	gaveUp   bool // an event was left: no more are taken
}

func (d *drain) run(ctx context.Context) error {
	waits, stop := context.WithCancel(ctx)
	defer stop()
	more, failed := d.watch(waits)
	if err := d.take(); err != nil {
		return err
	}
	for {
		d.start(ctx)
		if d.over(ctx) {
			if d.busy == 0 {
				return ctx.Err()
			}
			d.finish(<-d.finished)
			continue
		}
		select {
		case out := <-d.finished:
			d.finish(out)
		case again := <-more:
			if again {
				if err := d.take(); err != nil {
					d.Log.Error("reading the spool", "err", err)
				}
			} else if d.busy == 0 && len(d.known) == 0 {
				return nil
			}
		case err := <-failed:
			d.gaveUp = true
			if d.busy == 0 {
				return err
			}
		case <-ctx.Done():
		}
	}
}

// over reports whether nothing more is taken in.
func (d *drain) over(ctx context.Context) bool {
	return ctx.Err() != nil || d.gaveUp || (!d.deadline.IsZero() && time.Now().After(d.deadline))
}

// watch waits for new entries beside the workers: a script that hangs on one
// link must not hide the event of another.
func (d *drain) watch(ctx context.Context) (<-chan bool, <-chan error) {
	more, failed := make(chan bool), make(chan error, 1)
	go func() {
		for {
			again, err := d.queue.Wait(ctx, d.Linger)
			if err != nil {
				failed <- err
				return
			}
			select {
			case more <- again:
			case <-ctx.Done():
				return
			}
		}
	}()
	return more, failed
}

// take puts what is new in the queue into its lanes.
func (d *drain) take() error {
	pending, err := d.queue.List()
	if err != nil {
		return err
	}
	for _, p := range pending {
		if d.known[p.Name] {
			continue
		}
		d.known[p.Name] = true
		key := laneOf(p)
		l := d.lanes[key]
		if l == nil {
			l = &line{}
			d.lanes[key] = l
		}
		l.waiting = append(l.waiting, p)
		if !l.busy && len(l.waiting) == 1 {
			d.ready = append(d.ready, key)
		}
	}
	return nil
}

// start gives work to idle workers.
func (d *drain) start(ctx context.Context) {
	for len(d.ready) > 0 && d.busy < max(1, d.Workers) && !d.over(ctx) {
		key := d.ready[0]
		d.ready = d.ready[1:]
		l := d.lanes[key]
		p := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.busy = true
		d.busy++
		go func() { d.finished <- outcome{key, p, d.handle(ctx, p)} }()
	}
}

// handle reads and handles one entry and reports whether it is done with.
func (d *drain) handle(ctx context.Context, p hostnet.Pending) bool {
	ev, err := d.queue.Read(p)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		d.Log.Warn("spool entry refused", "entry", p.Name, "err", err)
		return true
	}
	return d.handler(ctx, ev)
}

// finish takes an entry that was handled out of the queue, and its lane up
// again.
func (d *drain) finish(out outcome) {
	d.busy--
	delete(d.known, out.entry.Name)
	if !out.handled {
		d.gaveUp = true
	} else if err := d.queue.Done(out.entry.Name); err != nil {
		d.Log.Error("removing handled event", "entry", out.entry.Name, "err", err)
		d.gaveUp = true // it would run again and again
	}
	l := d.lanes[out.lane]
	l.busy = false
	if len(l.waiting) > 0 {
		d.ready = append(d.ready, out.lane)
	} else {
		delete(d.lanes, out.lane)
	}
}
