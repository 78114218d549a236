package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// harness is a watcher between fakes. All of it is inside a synctest bubble.
type harness struct {
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

func newHarness(t *testing.T) *harness {
	b := &harness{
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

func (b *harness) count(n *int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*n++
}

func (b *harness) counted(n *int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *n
}

// start starts a watcher with the records and pending events there are.
func (b *harness) start() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.cancel, b.ended = cancel, make(chan error, 1)
	b.w = New(b.options, b.kernel, b.bus, b.files, b.sink, b.records, b.records.all(), b.pending)
	go func() { b.ended <- b.w.Run(ctx) }()
	synctest.Wait()
}

func (b *harness) stop() {
	b.t.Helper()
	b.cancel()
	assert.NoError(b.t, <-b.ended)
}

// settle lets bursts end and returns the events since the last call.
func (b *harness) settle() []string {
	pass(time.Second)
	return b.now()
}

// now returns the events that did not have to wait for anything.
func (b *harness) now() []string {
	synctest.Wait()
	told := []string{}
	for _, ev := range b.sink.take() {
		told = append(told, show(ev))
	}
	return told
}

func (b *harness) tell(ev hostnet.BusEvent) {
	b.bus.events <- ev
	synctest.Wait()
}

func (b *harness) change(index int, words ...string) {
	b.tell(hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, States: states(words...)}})
}

// unknown answers that networkd does not know a link.
func (b *harness) unknown(index int) {
	b.tell(hostnet.BusEvent{Changed: &hostnet.BusChange{Index: index, Unknown: true}})
}

func (b *harness) up(manager hostnet.States, links map[int]hostnet.States) {
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

// inHarness runs a test with a harness in a synctest bubble.
func inHarness(t *testing.T, f func(b *harness)) {
	synctest.Test(t, func(t *testing.T) { f(newHarness(t)) })
}

// followed is a harness whose watcher knows eth0 (ifindex 2) as routable and has
// told of it.
func followed(b *harness) {
	b.kernel.set(linkUp(1, "lo"), linkUp(2, "eth0"), b.kernel.addr(2, "192.0.2.1/24"), b.kernel.route(2, "default via 192.0.2.254"))
	b.start()
	b.up(states("routable"), map[int]hostnet.States{1: states("carrier", "unmanaged"), 2: states("routable", "configured")})
	b.settle()
	b.bus.takeAsked()
}
