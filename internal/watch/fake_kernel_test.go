package watch

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
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
	asked    func(hostnet.Object) // before each dump, if it is set
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
	if k.asked != nil {
		k.asked(kind)
	}
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
