package watch

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// settle is how long a burst must be over before levels are compared, and
	// settleMost how long one may last: a flap's ten messages are one event.
	settle     = 10 * time.Millisecond
	settleMost = 100 * time.Millisecond
	// doubtAfter is how long kernel and networkd may disagree on a link's
	// operational state before networkd is asked: it takes a few milliseconds to
	// follow the kernel, unless it hangs.
	doubtAfter = 3 * time.Second
	// memberBudget is how many routes and rules are kept member by
	// member, over all links; beyond it sets are kept as sums.
	memberBudget = 4096
	// pace is how close together two looks at the kernel's messages may be once
	// there were stormReads of them on end: in a storm messages are read by the
	// hundred, not each by a wake of its own. A link's flap is not delayed.
	pace       = time.Millisecond
	stormReads = 32
	// quietAfter is how long nothing must be told before a burst is over for
	// good, and its memory can go.
	quietAfter = time.Second
	// busGrace is how long the start waits for the bus before it goes on
	// without: at boot the bus may come up later than the watcher.
	busGrace = 2 * time.Second
)

// Options are what the configuration says, and where events and news go.
type Options struct {
	// Match tells the links whose events count.
	Match func(name string) bool
	// Networkd is false where the Generator names other sources: the Bus and
	// Files say nothing then.
	Networkd bool
	// Silent has events made of the states that have no hook directory too.
	Silent bool
	// Routed tells the links that have, or shall have, rules of netbrk's; of
	// ifindex 0, whether there is any. Reconcile has one looked at. Both are nil
	// where nothing is spooled.
	Routed    func(index int, name string) bool
	Reconcile func(index int) error
	// Overrun reports whether an error of Kernel means lost messages.
	Overrun func(error) bool
	// Emitted is called with each event once it is in the spool.
	Emitted func(hostnet.Event)
	// Ready is called once, after the first full pass.
	Ready func()
	// Status is called with a line for people when it may have changed. Notice,
	// unless empty, is its end.
	Status func(string)
	Notice string
	// Alive is called every interval for a watchdog, if that is not 0.
	Alive         func()
	AliveInterval time.Duration
	// Quiet is called when nothing was told for a while after a burst.
	Quiet func()
	Log   *slog.Logger
}

// Watcher owns the picture of the host. Run is its only goroutine.
type Watcher struct {
	Options
	kernel  Kernel
	bus     Bus
	files   Files
	sink    Sink
	records Records

	links  map[int]*link
	ports  map[int][]*link // by the ifindex of their master
	host   link            // of index host
	budget int             // of routes and rules
	room   int             // of addresses, which states depend on: all are kept

	busUp   bool   // networkd's words count
	busDown string // why they do not

	first  bool            // the first pass is not over: nothing is compared yet
	untold []hostnet.Event // of the last run, and perhaps not put by it
	events uint64
	told   standing

	settleAt   *time.Timer
	burstSince time.Time
	dirty      map[int]struct{} // links whose record must be saved
	suspects   map[int]string   // links, by name, whose rules are to be looked at
	redump     bool             // routes may be gone without a message
	nextRedump time.Time
	doubt      *time.Timer
	doubting   bool  // doubt runs
	looks      again // at leases that may be written anew
	asks       again // for links that networkd does not know yet
	quiet      *time.Timer
	paced      *time.Timer // runs while the kernel is not listened to
	lastRead   time.Time
	reads      int // on end, each shortly after the one before
	failure    error
	reload     chan func(*Options)
}

// standing is what the status line says, to see that it says something new.
type standing struct {
	links   int
	events  uint64
	busUp   bool
	busDown string
}

// New returns a watcher of what the given sources tell. saved are the records
// of the last run and pending the events of it that still wait in the spool.
func New(o Options, k Kernel, b Bus, f Files, s Sink, r Records, saved map[int]Record, pending []hostnet.Event) *Watcher {
	w := &Watcher{
		Options: o, kernel: k, bus: b, files: f, sink: s, records: r,
		links: map[int]*link{}, ports: map[int][]*link{}, budget: memberBudget, room: math.MaxInt, first: true,
		dirty: map[int]struct{}{}, looks: newLooks(), asks: newAsks(), reload: make(chan func(*Options), 1),
		settleAt: stoppedTimer(), doubt: stoppedTimer(), quiet: stoppedTimer(), paced: stoppedTimer(),
	}
	w.host.states = hostnet.States{}
	w.restore(saved, pending)
	return w
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// Reload changes options while Run runs. What a link that counts from now on
// is, is told as at a start; one that counts no more has its record removed.
// Networkd cannot be changed. It does not wait for Run, which may be reading a full
// table or have ended: a change that was not made yet gives way to a later one.
func (w *Watcher) Reload(change func(*Options)) {
	for {
		select {
		case w.reload <- change:
			return
		case <-w.reload:
		}
	}
}

// Run follows the sources until ctx is done, or the spool or the kernel fails.
func (w *Watcher) Run(ctx context.Context) error {
	if w.takeStock(); w.failure != nil {
		return w.failure
	}
	w.routeFirst()
	var alive <-chan time.Time
	if w.AliveInterval > 0 {
		ticker := time.NewTicker(w.AliveInterval)
		defer ticker.Stop()
		alive = ticker.C
	}
	grace := time.NewTimer(busGrace)
	defer grace.Stop()
	if !w.Networkd {
		w.finishFirst()
	}
	for w.failure == nil {
		select {
		case <-ctx.Done():
			w.saveAll()
			return w.failure
		case <-w.kernel.Readable():
			w.receive()
			w.rearm()
			w.quiet.Reset(quietAfter)
		case <-w.paced.C:
			w.kernel.Rearm()
		case ev := <-w.bus.Events():
			// What the kernel told before networkd could act on it comes first.
			w.receive()
			w.fromBus(ev)
			w.quiet.Reset(quietAfter)
		case index := <-w.files.Changed():
			w.fromFiles(index)
		case <-w.settleAt.C:
			w.settled()
		case <-w.doubt.C:
			w.resolveDoubt()
		case <-w.looks.timer.C:
			w.looks.turns(w.lookAgain)
		case <-w.asks.timer.C:
			w.asks.turns(w.askAgain)
		case <-w.quiet.C:
			if w.Quiet != nil {
				w.Quiet()
			}
		case <-grace.C:
			if w.first {
				w.busWent("the system bus did not answer")
				w.finishFirst()
			}
		case change := <-w.reload:
			w.reloaded(change)
		case <-alive:
			w.Alive()
		}
		w.saveAll()
		w.tell()
	}
	return w.failure
}

// finishFirst ends the first pass: the present is known, and everything that
// differs from the records becomes an event.
func (w *Watcher) finishFirst() {
	if !w.first {
		return
	}
	// What was said before the lists were read must not be taken for what is new
	// since: a link that vanished would appear once more.
	w.receive()
	w.first = false
	w.tellUntold()
	w.compareLinks()
	w.compareRest()
	w.saveAll()
	w.tell()
	if w.Ready != nil && w.failure == nil {
		w.Ready()
	}
}

// receive takes in what the kernel told.
func (w *Watcher) receive() {
	err := w.kernel.Receive(w.fromKernel)
	switch {
	case err == nil:
	case w.Overrun(err):
		w.Log.Info("taking stock anew", "why", err)
		w.takeStock()
	default:
		w.failure = err
	}
}

// takeStock reads everything anew, and compares it with what was told unless nothing
// was. A link does not wait for the routes, which a full table has a million of.
func (w *Watcher) takeStock() {
	if w.failure = w.dumpLinks(); w.failure == nil && !w.first {
		w.compareLinks()
	}
	if w.failure == nil {
		w.failure = w.dumpRouting()
	}
	if w.failure == nil && !w.first {
		w.compareRest()
	}
}

// rearm listens to the kernel again, at once or, in a storm, at a pace.
func (w *Watcher) rearm() {
	now := time.Now()
	if now.Sub(w.lastRead) < 2*pace {
		w.reads++
	} else {
		w.reads = 0
	}
	w.lastRead = now
	if w.reads > stormReads {
		w.paced.Reset(pace)
	} else {
		w.kernel.Rearm()
	}
}

// emit spools events of one link, whose fields are by now what the events tell. Its
// record is saved before, with the events in it: one may be spooled, handled and gone
// before anything else is written. Were the watcher killed then, the next run would
// know nothing of the state that was told, and not tell that it ended.
func (w *Watcher) emit(events ...hostnet.Event) {
	if w.failure != nil || len(events) == 0 {
		return
	}
	for i := range events {
		events[i].Time = time.Now()
		events[i] = w.sink.Number(events[i])
	}
	// Of a link that has gone, its record tells as long as it is there.
	if index := events[0].Index; w.at(index) != nil {
		w.dirty[index] = struct{}{}
		r := w.at(index).record(index)
		r.Telling = events
		if w.save(r); w.failure != nil {
			return
		}
	}
	for _, ev := range events {
		w.spool(ev)
	}
}

func (w *Watcher) spool(ev hostnet.Event) {
	if w.failure != nil {
		return
	}
	ev, err := w.sink.Put(ev)
	if err != nil {
		// Without a spool nothing can be promised: the service manager starts
		// us again, and the records tell what was missed.
		w.failure = fmt.Errorf("spooling event: %w", err)
		return
	}
	w.events++
	w.Emitted(ev)
}

// tell updates the status line.
func (w *Watcher) tell() {
	now := standing{len(w.links), w.events, w.busUp, w.busDown}
	if w.Status == nil || w.first || now == w.told {
		return
	}
	w.told = now
	source := "systemd-networkd"
	if !w.busUp {
		source = "the kernel"
		if w.Networkd && w.busDown != "" {
			source += " (" + w.busDown + ")"
		}
	}
	matching := 0
	for _, l := range w.links {
		if w.Match(l.name) {
			matching++
		}
	}
	line := fmt.Sprintf("Following %d of %d links, states from %s; %d events", matching, len(w.links), source, w.events)
	if w.Notice != "" {
		line += "; " + w.Notice
	}
	w.Status(line)
}

// indexes lists the links in order, so that what happens to several at once
// is told in the same order every time.
func (w *Watcher) indexes() []int { return slices.Sorted(maps.Keys(w.links)) }

// saveAll writes the records that changed.
func (w *Watcher) saveAll() {
	if w.first || w.failure != nil {
		return
	}
	for index := range w.dirty {
		delete(w.dirty, index)
		l := w.at(index)
		if l == nil {
			continue
		}
		if index != host && !w.Match(l.name) {
			w.forget(index, l.name) // it may have matched by a former name
			continue
		}
		if w.save(l.record(index)); w.failure != nil {
			return
		}
	}
}

func (w *Watcher) save(r Record) {
	if err := w.records.Save(r); err != nil {
		w.failure = fmt.Errorf("saving link record: %w", err)
	}
}

func (w *Watcher) at(index int) *link {
	if index == host {
		return &w.host
	}
	return w.links[index]
}
