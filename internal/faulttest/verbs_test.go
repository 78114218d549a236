package faulttest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/state"
)

// verb is one that writes state, on a host that gives it something to write.
type verb struct {
	*host
	args []string
	// never are those of stateCalls that it does not make on its state.
	never []string
	// prepare puts into a new state what there is to do.
	prepare func(t *testing.T)
	// finished tells whether one that waits for more has done what it is there for.
	finished func() bool
	// right checks that all was done.
	right func(t *testing.T, what string)
}

// verbs make those that write state, by name, each with a host of its own.
func verbs() map[string]func(t *testing.T) verb {
	return map[string]func(t *testing.T) verb{
		"run-hooks": hooksVerb, "run-hooks --generator dhclient": leasesVerb,
		"apply-rules": rulesVerb, "cloud-sync": cloudVerb, "watch": watchVerb,
	}
}

// flapHost is a host with a link that is to have rules, and scripts that log.
func flapHost(t *testing.T) *host {
	t.Helper()
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap0\"\n")
	h.logEdges(t)
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\nlink set peer0 up\naddress add 192.0.2.10/24 dev flap0\n")
	return h
}

func hooksVerb(t *testing.T) verb {
	t.Helper()
	h := flapHost(t)
	index := h.index(t, "flap0")
	var event hostnet.Event
	return verb{
		host: h, args: []string{"run-hooks"},
		prepare:  func(t *testing.T) { t.Helper(); event = h.spool(t, index) },
		finished: h.drainedAll,
		right: func(t *testing.T, what string) {
			t.Helper()
			assert.Contains(t, h.read("hook.log"), event.ID, "the event is lost: %s", what)
			assert.Empty(t, h.list("events"), what)
			assert.Empty(t, h.list("hooks/json"), what)
		},
	}
}

func leasesVerb(t *testing.T) verb {
	t.Helper()
	h := flapHost(t)
	h.logHook(t, "leases.d")
	h.write(t, "dhcp/flap0.leases", "lease {\n  interface \"flap0\"; fixed-address 192.0.2.10;\n  option subnet-mask 255.255.255.0;\n  expire never;\n}\n", 0o644)
	return verb{
		host: h, args: []string{"run-hooks", "--generator", "dhclient", "--lease-file", filepath.Join(h.Dir, "dhcp/flap0.leases")},
		prepare: func(t *testing.T) {
			t.Helper()
			// The watcher makes it, and where it did not, nobody is to be asked.
			require.NoError(t, os.MkdirAll(filepath.Join(h.State, "rules-pending"), 0o755))
		},
		finished: func() bool { return false }, // it ends by itself
		right: func(t *testing.T, what string) {
			t.Helper()
			assert.Regexp(t, `(?m)^leases .* flap0 .* added `, h.read("hook.log"), "the lease is lost: %s", what)
			assert.Contains(t, h.list("leases"), "flap0.json", what)
			if !strings.Contains(what, "until the timer comes") { // so that whoever reads the log knows
				assert.Contains(t, h.list("rules-pending"), fmt.Sprint(h.index(t, "flap0")), what)
			}
			assert.Empty(t, h.list("lease-events"), what)
			assert.Empty(t, h.list("hooks/json"), what)
		},
	}
}

func rulesVerb(t *testing.T) verb {
	t.Helper()
	h := flapHost(t)
	return verb{
		host: h, args: []string{"apply-rules"}, never: []string{"fstat", "unlinkat"},
		prepare:  func(t *testing.T) { t.Helper(); h.IP(t, "rule flush protocol 110") },
		finished: func() bool { return false },
		right: func(t *testing.T, what string) {
			t.Helper()
			steps, _, status := h.run(t, "apply-rules", "--dry-run")
			assert.Zero(t, status, what)
			assert.Empty(t, steps, what)
			assert.Equal(t, 3, strings.Count(h.IP(t, "-N -4 rule"), "192.0.2.10"), what)
		},
	}
}

func watchVerb(t *testing.T) verb {
	t.Helper()
	h := flapHost(t)
	index, peer := h.index(t, "flap0"), h.index(t, "peer0")
	missing := func() string {
		spooled := strings.Join(h.list("events"), " ")
		for _, kind := range []string{"links", "state"} {
			if !strings.Contains(spooled, fmt.Sprintf("-%s-%d.json", kind, index)) {
				return fmt.Sprintf("what was told of %s: %s", kind, spooled)
			}
		}
		if pending := h.list("rules-pending"); !slices.Contains(pending, fmt.Sprint(index)) {
			return fmt.Sprintf("whose rules are to be looked at: %s", pending)
		}
		return ""
	}
	return verb{
		host: h, never: []string{"fstat"},
		args:    []string{"watch", "--dispatch=units"}, // what there is to do is left to others
		prepare: func(*testing.T) {},
		finished: func() bool {
			for _, index := range []int{0, index, peer} {
				if _, err := os.Stat(filepath.Join(h.State, "links", fmt.Sprintf("%d.json", index))); err != nil {
					return false
				}
			}
			return missing() == "" && state.WatchHolder(h.State).Held
		},
		right: func(t *testing.T, what string) { t.Helper(); assert.Empty(t, missing(), what) },
	}
}

// cloudHost is an instance with one card, of EC2's metadata.
func cloudHost(t *testing.T) (h *host, args []string) {
	t.Helper()
	const mac = "02:00:00:00:00:10"
	h = newHost(t, "")
	h.IP(t, fmt.Sprintf("link add nic0 address %s type veth peer name far0 netns %s", mac, netnstest.New(t).Path()))
	told := imdstest.New("aws", hostnet.Metadata{
		System: hostnet.System{Provider: "aws", InstanceID: "i-0001", Region: "r-1", Zone: "r-1a", Account: "123456789012", Type: "small"},
		NICs: []hostnet.NIC{{
			MAC: mac, ID: "eni-0", Primary: true, Subnets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
			Addresses: []hostnet.CloudAddress{
				{Addr: netip.MustParseAddr("10.0.0.10"), Bits: 24, Role: hostnet.RolePrimary},
				{Addr: netip.MustParseAddr("10.0.0.11"), Bits: 24, Role: hostnet.RoleSecondary},
			},
		}},
	})
	return h, h.tell(t, told)
}

// tell serves EC2's metadata within the host, and returns the words of the cloud-sync
// that asks for it.
func (h *host) tell(t *testing.T, metadata *imdstest.Server) (args []string) {
	t.Helper()
	var listener net.Listener
	h.Do(t, func() {
		var err error
		listener, err = net.Listen("tcp", "127.0.0.1:80") // the same for each host
		require.NoError(t, err)
	})
	go func() { _ = metadata.Serve(listener) }() // until it is closed
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return []string{"cloud-sync", "--provider", "aws", "--endpoint", "http://" + listener.Addr().String()}
}

func cloudVerb(t *testing.T) verb {
	t.Helper()
	h, args := cloudHost(t)
	index := h.index(t, "nic0")
	return verb{
		host: h, args: args,
		prepare: func(t *testing.T) {
			t.Helper()
			h.IP(t, "rule flush protocol 110")
			h.IP(t, "address flush dev nic0")
			// As the watcher has a card that has appeared wait.
			h.put(t, "cloud-pending", fmt.Sprint(index))
		},
		finished: func() bool { return false },
		right: func(t *testing.T, what string) {
			t.Helper()
			steps, stderr, status := h.run(t, append(args, "--dry-run")...)
			assert.Zero(t, status, "%s: %s", what, stderr)
			assert.Empty(t, steps, what)
			assert.Contains(t, h.IP(t, "-4 address show dev nic0"), "10.0.0.11/", what)
			assert.Contains(t, h.list("cloud/links"), fmt.Sprintf("%d.json", index), what)
			assert.Contains(t, h.list("cloud"), "sync.json", what)
			// What cannot be removed is hidden from the path unit.
			for _, name := range h.list("cloud-pending") {
				assert.Regexp(t, `^\.refused-`, name, what)
			}
		},
	}
}

// put makes an empty file in a directory of a state that nobody has made yet.
func (h *host) put(t *testing.T, dir, name string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(h.root+h.State, dir), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(h.root+h.State, dir, name), nil, 0o644))
}

// spool has one event wait, by the writer that the watcher has.
func (h *host) spool(t *testing.T, index int) hostnet.Event {
	t.Helper()
	s, _, err := state.OpenSpool(h.root + h.State)
	require.NoError(t, err)
	return h.spoolMore(t, s, index, "carrier", "routable")
}

// spoolMore has a transition of flap0 wait.
func (h *host) spoolMore(t *testing.T, s *state.Spool, index int, before, after string) hostnet.Event {
	t.Helper()
	ev, err := s.Put(hostnet.Event{
		Kind: hostnet.KindState, Index: index, Link: "flap0", Time: time.Now(),
		Property: hostnet.OperationalState, State: after, Previous: before,
	})
	require.NoError(t, err)
	return ev
}

// drainedAll tells whether a run-hooks that is at work has emptied the spool. One that
// has yet to take its lock may not know yet how to end well.
func (h *host) drainedAll() bool {
	entries, err := os.ReadDir(filepath.Join(h.root+h.State, "events"))
	return err == nil && len(entries) == 0 && state.DrainHolder(h.root+h.State).Held
}
