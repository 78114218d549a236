// Package netnstest gives a test a network namespace of its own. It is for
// tests alone, never moves the test's own thread to another namespace, and
// never touches a link of the host.
package netnstest

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// requiredVar makes a test fail that cannot have a namespace, where it would
// be skipped else: `make test-netns` sets it to 1. With 0 it is skipped in any case:
// `make test` leaves it to test-netns, also where it is run by root.
const requiredVar = "NETBRK_TEST_NETNS"

// Namespace is a network namespace that lasts as long as its test.
type Namespace struct {
	handle  netns.NsHandle
	netlink *netlink.Handle
}

// New makes a namespace with nothing in it but its loopback link, which is
// down. That takes CAP_SYS_ADMIN: root, or `unshare -Urn`. Without it the test
// is skipped.
func New(t testing.TB) *Namespace {
	t.Helper()
	if os.Getenv(requiredVar) == "0" {
		t.Skipf("%s is 0: make test-netns runs this", requiredVar)
	}
	handle, err := create()
	if err != nil {
		if os.Getenv(requiredVar) == "1" {
			t.Fatalf("making network namespace: %v", err)
		}
		t.Skipf("making network namespace: %v (run as root or under unshare -Urn)", err)
	}
	t.Cleanup(func() { _ = handle.Close() })
	nl, err := netlink.NewHandleAt(handle, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatalf("opening rtnetlink socket: %v", err)
	}
	t.Cleanup(nl.Close)
	return &Namespace{handle: handle, netlink: nl}
}

func create() (netns.NsHandle, error) {
	type result struct {
		handle netns.NsHandle
		err    error
	}
	ch := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, now elsewhere, dies with us
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			ch <- result{err: err}
			return
		}
		handle, err := netns.Get()
		ch <- result{handle, err}
	}()
	r := <-ch
	return r.handle, r.err
}

// Do runs f in the namespace, on a thread that ends with it: sockets that f
// opens stay there, goroutines that it starts do not. f may use require.
func (ns *Namespace) Do(t testing.TB, f func()) {
	t.Helper()
	var err error
	finished := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, as above
		if err = netns.Set(ns.handle); err != nil {
			return
		}
		f()
		finished = true
	}()
	<-done
	switch {
	case err != nil:
		t.Fatalf("entering network namespace: %v", err)
	case !finished: // f ended its goroutine by t.FailNow or t.SkipNow
		runtime.Goexit()
	}
}

// Netlink acts in the namespace.
func (ns *Namespace) Netlink() *netlink.Handle { return ns.netlink }

// Path is a name for the namespace that nsenter(1) takes while the test runs.
func (ns *Namespace) Path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), int(ns.handle))
}

// VethPair adds a pair of veth links, both of them up, and returns their
// indices.
func (ns *Namespace) VethPair(t testing.TB, name, peer string) (index, peerIndex int) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	if err := ns.netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer}); err != nil {
		t.Fatalf("adding veth pair %q, %q: %v", name, peer, err)
	}
	return ns.up(t, name), ns.up(t, peer)
}

func (ns *Namespace) up(t testing.TB, name string) int {
	t.Helper()
	link, err := ns.netlink.LinkByName(name)
	if err != nil {
		t.Fatalf("looking up link %q: %v", name, err)
	}
	if err := ns.netlink.LinkSetUp(link); err != nil {
		t.Fatalf("setting link %q up: %v", name, err)
	}
	return link.Attrs().Index
}
