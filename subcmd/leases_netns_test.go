package subcmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/state"
)

// leaseHost is a host with a link that dhclient would configure, and no bus.
type leaseHost struct{ *host }

func newLeaseHost(t *testing.T, network string) leaseHost {
	t.Helper()
	h := leaseHost{bareHost(t)}
	text := fmt.Sprintf("[System]\nGenerator = \"dhclient\"\nLeaseFiles = [%q]\n[Network]\n%s\n", h.file("*.leases"), network)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "netbrk.toml"), []byte(text), 0o644))
	h.index, _ = h.ns.VethPair(t, "va1", "vb1")
	// The directory of a test is for all to write.
	require.NoError(t, os.Mkdir(h.file(""), 0o755))
	return h
}

func (h leaseHost) file(name string) string { return filepath.Join(h.dir, "dhcp", name) }

// write has the file of va1 tell of the leases.
func (h leaseHost) write(t *testing.T, blocks ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(h.file("va1.leases"), []byte(strings.Join(blocks, "\n")), 0o644))
}

func block(address, options string) string {
	return fmt.Sprintf("lease {\n  interface \"va1\"; fixed-address %s;\n  option subnet-mask 255.255.255.0;\n  %s\n  expire never;\n}\n", address, options)
}

// look runs the oneshot as the unit does and returns the events that it spooled.
func (h leaseHost) look(t *testing.T, args ...string) []hostnet.Event {
	t.Helper()
	_, stderr, status := h.run(t, append([]string{"run-hooks", "--generator", "dhclient", "--spool"}, args...)...)
	require.Zero(t, status, stderr)
	events, err := state.PeekQueue(h.state())
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(h.state(), "lease-events")))
	return events
}

func (h leaseHost) state() string { return filepath.Join(h.dir, "state") }

func (h leaseHost) kept(t *testing.T) map[string]report.LinkLeases {
	t.Helper()
	links, err := state.LookAtLeases(h.state()).Load()
	require.NoError(t, err)
	return links
}

func actions(events []hostnet.Event) []string {
	var words []string
	for _, ev := range events {
		words = append(words, fmt.Sprintf("%s %s %s %s", ev.Generator, ev.Link, ev.Action, ev.Address))
	}
	return words
}

func TestLeasesLife(t *testing.T) {
	h := newLeaseHost(t, "")
	assert.Empty(t, h.look(t), "no file")
	h.write(t, block("192.0.2.7", "option domain-name-servers 192.0.2.1;"))
	assert.Empty(t, h.look(t), "the address is not there")
	assert.Empty(t, h.kept(t))

	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	assert.Equal(t, []string{"dhclient va1 added 192.0.2.7/24"}, actions(h.look(t)))
	assert.Equal(t, h.index, h.kept(t)["va1"].Index)
	assert.Empty(t, h.look(t), "the same again")

	h.write(t, block("192.0.2.7", "option domain-name-servers 192.0.2.1; renew 1 2037/11/23 09:00:11;"))
	assert.Empty(t, h.look(t), "a renewal that changes nothing")
	h.write(t, block("192.0.2.7", "option domain-name-servers 192.0.2.2;"))
	assert.Equal(t, []string{"dhclient va1 changed 192.0.2.7/24"}, actions(h.look(t)))
	h.write(t)
	assert.Empty(t, h.look(t), "the file is being rewritten")

	h.write(t, block("192.0.2.8", ""))
	h.ns.IP(t, "address add 192.0.2.8/24 dev va1")
	assert.Equal(t, []string{"dhclient va1 changed 192.0.2.8/24"}, actions(h.look(t)))
	h.ns.IP(t, "address flush dev va1")
	assert.Equal(t, []string{"dhclient va1 removed 192.0.2.8/24"}, actions(h.look(t)), "the file tells of it still")
	assert.Empty(t, h.kept(t))

	h.ns.IP(t, "address add 192.0.2.8/24 dev va1")
	require.Len(t, h.look(t), 1)
	h.ns.IP(t, "link delete va1")
	assert.Equal(t, []string{"dhclient va1 removed 192.0.2.8/24"}, actions(h.look(t)))
}

// TestLeasesKilled: killed before the record was written, a run is repeated whole.
func TestLeasesKilled(t *testing.T) {
	h := newLeaseHost(t, "")
	h.write(t, block("192.0.2.7", ""))
	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	require.Len(t, h.look(t), 1)
	require.NoError(t, os.RemoveAll(filepath.Join(h.state(), "leases")))
	assert.Equal(t, []string{"dhclient va1 added 192.0.2.7/24"}, actions(h.look(t)), "at least once")
}

func TestLeasesOfOtherLinks(t *testing.T) {
	h := newLeaseHost(t, `Links = "!va1"`)
	h.write(t, block("192.0.2.7", ""))
	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	assert.Empty(t, h.look(t))
}

func TestLeasesHostile(t *testing.T) {
	h := newLeaseHost(t, "")
	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	h.write(t,
		"lease { interface \"../../va1\"; fixed-address 192.0.2.7; }",
		block("192.0.2.7", `option domain-name "a;reboot"; option host-name "-x\012y"; option domain-name-servers 0.0.0.0,192.0.2.1;`))
	require.Len(t, h.look(t), 1)
	lease := h.kept(t)["va1"].IPv4
	require.NotNil(t, lease)
	assert.Empty(t, lease.Domain)
	assert.Empty(t, lease.HostName)
	assert.Equal(t, "[192.0.2.1]", fmt.Sprint(lease.DNS))
	_, stderr, _ := h.run(t, "run-hooks", "--generator", "dhclient", "--spool")
	assert.Contains(t, stderr, "left out")
	assert.Len(t, h.kept(t), 1)
}

func TestLeasesDryRun(t *testing.T) {
	h := newLeaseHost(t, `UseDNS = true`)
	h.write(t, block("192.0.2.7", "option domain-name-servers 192.0.2.1;"))
	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	stdout, stderr, status := h.run(t, "run-hooks", "--generator", "dhclient", "--dry-run")
	require.Zero(t, status, stderr)
	for _, want := range []string{`lease added: link "va1", address 192.0.2.7/24`, "resolver 192.0.2.1", "routable.d for link", "leases.d for link"} {
		assert.Contains(t, stdout, want)
	}
	assert.NoDirExists(t, h.state(), "nothing is written")
	other := h.file("other")
	require.NoError(t, os.WriteFile(other, nil, 0o644))
	stdout, _, status = h.run(t, "run-hooks", "--generator", "dhclient", "--dry-run", "--lease-file", other)
	assert.Zero(t, status)
	assert.Equal(t, "no lease is new, changed or ended\n", stdout)
}

// TestLeasesWithoutResolver: without a bus the resolver cannot be told. The event
// is there all the same, and the status says that something is amiss.
func TestLeasesWithoutResolver(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
	h := newLeaseHost(t, `UseDNS = true`)
	h.write(t, block("192.0.2.7", "option domain-name-servers 192.0.2.1;"))
	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	_, stderr, status := h.run(t, "run-hooks", "--generator", "dhclient", "--spool")
	assert.Equal(t, exitPartial, status, stderr)
	assert.Contains(t, stderr, "resolver")
	events, err := state.PeekQueue(h.state())
	require.NoError(t, err)
	assert.Equal(t, []string{"dhclient va1 added 192.0.2.7/24"}, actions(events))
}

// TestLeaseGateway: the gateway of a lease serves the table of its link.
func TestLeaseGateway(t *testing.T) {
	h := newLeaseHost(t, `RoutingPolicyRules = "va1"`)
	require.NoError(t, os.MkdirAll(filepath.Join(h.state(), "rules-pending"), 0o755))
	h.write(t, block("192.0.2.7", "option routers 192.0.2.1;"))
	h.ns.IP(t, "address add 192.0.2.7/24 dev va1")
	require.Len(t, h.look(t), 1)
	assert.FileExists(t, filepath.Join(h.state(), "rules-pending", fmt.Sprint(h.index)), "the rules are to be looked at")
	_, stderr, status := h.run(t, "apply-rules")
	require.Zero(t, status, stderr)
	assert.Contains(t, h.ns.IPLines(t, "-N route show table "+h.table()), "default via 192.0.2.1 dev va1 proto 110")
}
