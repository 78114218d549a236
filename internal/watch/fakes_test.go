package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

var (
	errOverrun = errors.New("overrun")
	errBroken  = errors.New("broken")
)

// object is the key of one object of the fake kernel.
type object struct {
	kind   hostnet.Object
	index  int
	digest uint64
}

// fakeKernel is a host: what is there, and messages that were not read yet.
type fakeKernel struct {
	t        *testing.T
	mu       sync.Mutex
	readable chan struct{}
	present  map[object]hostnet.Change
	texts    map[uint64]string
	queue    []hostnet.Change
	err      error // of the next Receive
	dumpErr  error
	dumps    map[hostnet.Object]int
}

func newFakeKernel(t *testing.T) *fakeKernel {
	return &fakeKernel{
		t: t, readable: make(chan struct{}, 1), present: map[object]hostnet.Change{},
		texts: map[uint64]string{}, dumps: map[hostnet.Object]int{},
	}
}

func (k *fakeKernel) Readable() <-chan struct{} { return k.readable }

func (k *fakeKernel) Rearm() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) > 0 || k.err != nil {
		k.wake()
	}
}

func (k *fakeKernel) wake() {
	select {
	case k.readable <- struct{}{}:
	default:
	}
}

func (k *fakeKernel) Receive(use func(hostnet.Change)) error {
	k.mu.Lock()
	queue, err := k.queue, k.err
	k.queue, k.err = nil, nil
	k.mu.Unlock()
	if err != nil {
		return err
	}
	for _, c := range queue {
		use(c)
	}
	return nil
}

func (k *fakeKernel) Dump(kind hostnet.Object, start func(), use func(hostnet.Change)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dumps[kind]++
	if k.dumpErr != nil {
		return k.dumpErr
	}
	// The first attempt was interrupted: what it brought is void.
	start()
	for _, c := range k.present {
		if c.Object == kind {
			use(c)
		}
	}
	start()
	for _, c := range k.present {
		if c.Object == kind {
			use(c)
		}
	}
	return nil
}

func (k *fakeKernel) Describe(c hostnet.Change) string { return k.texts[c.Digest] }

func (k *fakeKernel) dumped(kind hostnet.Object) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dumps[kind]
}

// set changes the host without a message.
func (k *fakeKernel) set(changes ...hostnet.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range changes {
		key := object{c.Object, c.Index, c.Digest}
		if !c.Gone {
			k.present[key] = c
			continue
		}
		require.Contains(k.t, k.present, key, "removing what is not there")
		delete(k.present, key)
	}
}

// say changes the host and tells of it.
func (k *fakeKernel) say(changes ...hostnet.Change) {
	k.set(changes...)
	k.repeat(changes...)
}

// repeat tells of something without changing the host.
func (k *fakeKernel) repeat(changes ...hostnet.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.queue = append(k.queue, changes...)
	k.wake()
}

// fail makes the next Receive fail.
func (k *fakeKernel) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
	k.wake()
}

func linkIs(index int, name string, flags uint32, oper uint8) hostnet.Change {
	return hostnet.Change{
		Object: hostnet.ObjectLink, Index: index,
		Link: hostnet.Link{Index: index, Name: name, Flags: flags, OperState: oper},
	}
}

// The states of a link that the tests use, as the kernel tells them.
func linkOff(index int, name string) hostnet.Change { return linkIs(index, name, 0, 2) }
func linkUp(index int, name string) hostnet.Change {
	return linkIs(index, name, hostnet.FlagUp|hostnet.FlagRunning|hostnet.FlagLowerUp, hostnet.OperUp)
}
func linkCut(index int, name string) hostnet.Change { return linkIs(index, name, hostnet.FlagUp, 2) }

func gone(c hostnet.Change) hostnet.Change { c.Gone = true; return c }

func (k *fakeKernel) digest(text string) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	var d uint64 = 14695981039346656037
	for _, c := range []byte(text) {
		d = (d ^ uint64(c)) * 1099511628211
	}
	k.texts[d] = text
	return d
}

func (k *fakeKernel) addr(index int, prefix string) hostnet.Change {
	p := netip.MustParsePrefix(prefix)
	a := hostnet.Addr{Prefix: p}
	if p.Addr().IsLinkLocalUnicast() {
		a.Scope = hostnet.ScopeLink
	}
	return hostnet.Change{Object: hostnet.ObjectAddr, Index: index, Addr: a, Digest: k.digest(prefix)}
}

func (k *fakeKernel) route(index int, text string) hostnet.Change {
	return hostnet.Change{Object: hostnet.ObjectRoute, Index: index, Digest: k.digest(text)}
}

func (k *fakeKernel) rule(text string) hostnet.Change {
	return hostnet.Change{Object: hostnet.ObjectRule, Digest: k.digest(text)}
}

// fakeBus says what the test says.
type fakeBus struct {
	mu     sync.Mutex
	events chan hostnet.BusEvent
	asked  []int
}

func (b *fakeBus) Events() <-chan hostnet.BusEvent { return b.events }

func (b *fakeBus) Refresh(index int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, index)
}

// takeAsked returns the links that were asked about since the last call.
func (b *fakeBus) takeAsked() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.asked
	b.asked = nil
	return asked
}

type fakeFiles struct {
	mu      sync.Mutex
	changed chan int
	admin   map[int]string
	lease   map[int]string
	looked  int
}

func (f *fakeFiles) Changed() <-chan int { return f.changed }

func (f *fakeFiles) AdministrativeState(index int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.admin[index]
}

// Lease has the test's word for a signature, and for the address if it is one.
func (f *fakeFiles) Lease(index int) hostnet.LeaseMark {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked++
	mark := hostnet.LeaseMark{Signature: f.lease[index]}
	if _, err := netip.ParsePrefix(f.lease[index]); err == nil {
		mark.Address = f.lease[index]
	}
	return mark
}

// takeLooked returns how many leases were looked at since the last call.
func (f *fakeFiles) takeLooked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.looked
	f.looked = 0
	return n
}

func (f *fakeFiles) set(kind map[int]string, index int, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind[index] = value
}

// fakeSink takes only events that the spool's reader would take.
type fakeSink struct {
	t   *testing.T
	mu  sync.Mutex
	seq uint64
	got []hostnet.Event
	err error
	// writes bounds what is still written, here and by the fakeRecords.
	writes *writes
}

// writes is how many writes are left to a process that is killed after them. It
// notices nothing itself: whatever it does later has no effect.
type writes struct {
	mu   sync.Mutex
	left int
	over bool
}

// one is false once the process is dead; nil writes never end.
func (w *writes) one() bool {
	if w == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = w.over || w.left == 0
	w.left--
	return !w.over
}

func (s *fakeSink) Number(ev hostnet.Event) hostnet.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	ev.Seq, ev.ID = s.seq, fmt.Sprintf("id-%d", s.seq)
	return ev
}

func (s *fakeSink) Put(ev hostnet.Event) (hostnet.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return ev, s.err
	}
	assert.NoError(s.t, ev.Validate(), "%+v", ev)
	if s.writes.one() {
		s.got = append(s.got, ev)
	}
	return ev, nil
}

func (s *fakeSink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *fakeSink) take() []hostnet.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// fakeRecords keeps copies, as files would.
type fakeRecords struct {
	mu    sync.Mutex
	saved map[int]Record
	err   error

	writes *writes
}

func (r *fakeRecords) Save(rec Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	if !r.writes.one() {
		return nil
	}
	rec.States = maps.Clone(rec.States)
	rec.Telling = slices.Clone(rec.Telling)
	r.saved[rec.Index] = rec
	return nil
}

func (r *fakeRecords) Remove(index int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes.one() {
		delete(r.saved, index)
	}
	return nil
}

func (r *fakeRecords) all() map[int]Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.saved)
}

// bench is a watcher between fakes. All of it is inside a synctest bubble.
type bench struct {
	t       *testing.T
	kernel  *fakeKernel
	bus     *fakeBus
	files   *fakeFiles
	sink    *fakeSink
	records *fakeRecords
	options Options
	pending []hostnet.Event

	mu     sync.Mutex
	ready  int
	alive  int
	status string

	cancel context.CancelFunc
	ended  chan error
	w      *Watcher
}

func newBench(t *testing.T) *bench {
	b := &bench{
		t: t, kernel: newFakeKernel(t),
		bus:     &fakeBus{events: make(chan hostnet.BusEvent)},
		files:   &fakeFiles{changed: make(chan int), admin: map[int]string{}, lease: map[int]string{}},
		sink:    &fakeSink{t: t},
		records: &fakeRecords{saved: map[int]Record{}},
	}
	b.options = Options{
		Match:    func(name string) bool { return name != "lo" },
		Overrun:  func(err error) bool { return errors.Is(err, errOverrun) },
		Emitted:  func(hostnet.Event) {},
		Ready:    func() { b.count(&b.ready) },
		Alive:    func() { b.count(&b.alive) },
		Status:   func(s string) { b.mu.Lock(); b.status = s; b.mu.Unlock() },
		Networkd: true,
		Log:      slog.New(slog.DiscardHandler),
	}
	return b
}

func (b *bench) count(n *int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*n++
}

func (b *bench) counted(n *int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *n
}

// start starts a watcher with the records and pending events there are.
func (b *bench) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.cancel, b.ended = cancel, make(chan error, 1)
	b.w = New(b.options, b.kernel, b.bus, b.files, b.sink, b.records, b.records.all(), b.pending)
	go func() { b.ended <- b.w.Run(ctx) }()
	synctest.Wait()
}

func (b *bench) stop() {
	b.t.Helper()
	b.cancel()
	assert.NoError(b.t, <-b.ended)
}

// settle lets bursts end and returns the events since the last call.
func (b *bench) settle() []string {
	pass(time.Second)
	return b.now()
}

// now returns the events that did not have to wait for anything.
func (b *bench) now() []string {
	synctest.Wait()
	told := []string{}
	for _, ev := range b.sink.take() {
		told = append(told, show(ev))
	}
	return told
}

func (b *bench) tell(ev hostnet.BusEvent) {
	b.bus.events <- ev
	synctest.Wait()
}

func (b *bench) change(index int, words ...string) {
	b.tell(hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, States: states(words...)}})
}

// unknown answers that networkd does not know a link.
func (b *bench) unknown(index int) {
	b.tell(hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, Unknown: true}})
}

func (b *bench) up(manager hostnet.States, links map[int]hostnet.States) {
	b.tell(hostnet.BusEvent{Up: &hostnet.BusSnapshot{Manager: manager, Links: links}})
}

// states makes properties of hook-able words.
func states(words ...string) hostnet.States {
	s := hostnet.States{}
	for _, w := range words {
		p, ok := hostnet.PropertyOf(w)
		if !ok {
			p = hostnet.AdministrativeState
		}
		s[p] = w
	}
	return s
}

// show writes an event on one line.
func show(ev hostnet.Event) string {
	words := []string{string(ev.Kind)}
	if ev.Index != 0 {
		words = append(words, fmt.Sprintf("%d:%s", ev.Index, ev.Link))
	}
	words = append(words, string(ev.Action), ev.PreviousLink, ev.Address, ev.Route)
	if ev.State != "" {
		words = append(words, ev.Previous+">"+ev.State)
	}
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " ")
}

// pass lets the time of a synctest bubble pass: no test waits for real.
func pass(d time.Duration) { <-time.After(d) }
