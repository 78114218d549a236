package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Queue is the reader's side of the spool. Its methods may be called from
// several goroutines at once.
type Queue interface {
	// List returns what waits, in order, by the names alone: it is called often.
	List() ([]hostnet.Pending, error)
	// Read returns the event of an entry. The error is fs.ErrNotExist for one that
	// was merged into a later one, or that is no event: the queue has told of that,
	// and moved it out of the way. Any other error says nothing about the entry.
	Read(p hostnet.Pending) (hostnet.Event, error)
	// Done removes an entry that was handled.
	Done(name string) error
	// Wait returns true once something was added since the last List began, at
	// once if that is so already, and false when nothing came for the time given.
	// It may return true for nothing, but not for ever.
	Wait(ctx context.Context, quiet time.Duration) (bool, error)
}

// Handler handles one event and reports whether it is done with; one that is
// not stays in the queue. Scripts that fail are no reason to keep an event.
type Handler func(ctx context.Context, ev hostnet.Event) (handled bool)

// DrainOptions bound a drain.
type DrainOptions struct {
	// Workers is how many links are served side by side; at least one is.
	Workers int
	// Linger is how long the queue must have stayed empty before Drain ends.
	Linger time.Duration
	// MaxAge is how long Drain begins further events; 0 means without end.
	MaxAge time.Duration
	Log    *slog.Logger
}

// Drain handles what waits in the queue, and what comes, until the queue has
// stayed empty for a while. The events of one link are handled in order, one
// at a time; links are served in turn, side by side, and none waits for a slow
// script of another as long as there is a worker left.
//
// An event that its handler is not done with, or that cannot be read now, stays, and
// no later one of its link overtakes it: the next Drain begins with it. An entry that
// cannot be removed is not handled twice.
//
// Drain returns nil when it has emptied the queue or its time is over, ctx's
// error when it was told to end, and an error when the queue failed it; either
// way no handler is at work any more.
func Drain(ctx context.Context, q Queue, o DrainOptions, h Handler) error {
	d := &drain{
		DrainOptions: o, queue: q, handler: h,
		lanes: newLanes(), ended: make(chan outcome),
		woke: make(chan error), again: make(chan struct{}, 1),
	}
	d.list()
	waits, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		d.wait(waits)
	}()
	err := d.run(ctx)
	stop()
	<-stopped // the queue is its owner's again
	return err
}

const (
	// relist is how old a listing may get while work from it is left: events that
	// come one by one must not have a long queue listed for each. One that took long
	// may get ten times as old as that: for the 15,000 events of 1,000 pairs of veth
	// links it takes 50 ms.
	relist = 100 * time.Millisecond
	// longWait is any time: what ends a drain is its own clock, as only that
	// knows since when nobody is at work.
	longWait = time.Minute
)

// drain is one Drain under way. What is not a channel belongs to the goroutine
// of run.
type drain struct {
	DrainOptions
	queue   Queue
	handler Handler

	lanes  *lanes
	active int
	ended  chan outcome

	listed time.Time
	oldest time.Duration // how old that listing may get
	stale  bool          // something came after the last listing
	halted bool          // nothing more is begun
	err    error

	woke  chan error    // something came, or Wait failed
	again chan struct{} // listed: wait again
}

// outcome is what became of one entry: it is gone from the queue, or kept there for
// the next Drain, or left though there is nothing to be done with it.
type outcome struct {
	entry      hostnet.Pending
	kept, left bool
	err        error
}

func (d *drain) run(ctx context.Context) error {
	var maxAge, linger <-chan time.Time
	if d.MaxAge > 0 {
		maxAge = time.After(d.MaxAge)
	}
	cancelled := ctx.Done()
	for {
		if d.stale && !d.halted && (!d.lanes.waiting() || time.Since(d.listed) >= d.oldest) {
			d.list()
		}
		d.begin(ctx)
		switch {
		case d.active > 0:
			linger = nil
		case d.halted:
			return errors.Join(d.err, ctx.Err())
		case linger == nil:
			linger = time.After(d.Linger)
		}
		select {
		case o := <-d.ended:
			d.end(o)
		case err := <-d.woke:
			d.stale = true
			if err != nil {
				d.fail(fmt.Errorf("waiting for events: %w", err))
			}
		case <-linger:
			linger = nil
			d.halted = !d.list() // the last one may have come just now
		case <-maxAge:
			d.halted = true
		case <-cancelled:
			d.halted, cancelled = true, nil
		}
	}
}

// list looks at the queue and reports whether there is something to begin.
func (d *drain) list() bool {
	d.listed = time.Now()
	pending, err := d.queue.List()
	if err != nil {
		d.fail(fmt.Errorf("listing events: %w", err))
		return false
	}
	d.lanes.update(pending)
	d.oldest = max(relist, 10*time.Since(d.listed))
	if d.stale {
		d.stale = false
		d.again <- struct{}{}
	}
	return d.lanes.waiting()
}

// begin starts work as far as there are workers.
func (d *drain) begin(ctx context.Context) {
	for !d.halted && ctx.Err() == nil && d.lanes.waiting() && d.active < max(d.Workers, 1) {
		entry := d.lanes.next()
		d.active++
		go func() { d.ended <- d.work(ctx, entry) }()
	}
}

// work handles one entry, in a goroutine of its own.
func (d *drain) work(ctx context.Context, entry hostnet.Pending) outcome {
	ev, err := d.queue.Read(entry)
	if errors.Is(err, fs.ErrNotExist) {
		// It may be listed again, where the queue could not move it.
		return outcome{entry: entry, left: true}
	}
	if err != nil {
		return outcome{entry: entry, kept: true, err: fmt.Errorf("reading event: %w", err)}
	}
	if !d.handler(ctx, ev) {
		return outcome{entry: entry, kept: true}
	}
	if err := d.queue.Done(entry.Name); err != nil {
		return outcome{entry: entry, left: true, err: err}
	}
	return outcome{entry: entry}
}

func (d *drain) end(o outcome) {
	d.active--
	d.lanes.end(o.entry, o.kept, o.left)
	if o.err != nil {
		d.Log.Error("event stays in the spool", "entry", o.entry.Name, "err", o.err)
		if d.err == nil {
			d.err = o.err
		}
	}
}

// wait calls the queue's Wait beside the work, once for each listing: a script
// that hangs on one link must not hide the event of another.
func (d *drain) wait(ctx context.Context) {
	for {
		more, err := d.queue.Wait(ctx, longWait)
		if ctx.Err() != nil {
			return
		}
		if !more && err == nil {
			continue
		}
		select {
		case d.woke <- err:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
		select {
		case <-d.again:
		case <-ctx.Done():
			return
		}
	}
}

// fail ends the drain: without the queue's word of what is in it there is no
// order to keep.
func (d *drain) fail(err error) {
	d.err, d.halted = errors.Join(d.err, err), true
}
