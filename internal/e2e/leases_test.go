//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leasesConfig has dhclient's leases followed, and told to whom they concern.
const leasesConfig = `[System]
Generator = ["systemd-networkd", "dhclient"]
[Network]
UseDNS = true
UseDomain = true
UseHostname = true
`

// managedNetwork is of a link of networkd's whose address dhclient sees to.
const managedNetwork = `[Match]
Name=mgd*

[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
KeepConfiguration=yes
`

// dhclientConf has dhclient renew early, but not so early that it does not write
// the new lease to its file: dhclient.c does so every 15 s at most. It asks for the
// three fourths of this up to all of it.
const dhclientConf = `request subnet-mask, routers, domain-name, domain-name-servers, host-name;
supersede dhcp-renewal-time 24;
`

// TestLeases has ISC dhclient take, renew, change and release leases beside
// networkd, and asks resolved and hostnamed what they were told.
func TestLeases(t *testing.T) {
	fleet := newFleet(t, func(ctx context.Context, m *Machine) error {
		if err := Install(ctx, m); err != nil {
			return err
		}
		for name, text := range map[string]string{
			"/etc/netbrk/netbrk.toml": leasesConfig, "/etc/dhclient-e2e.conf": dhclientConf,
			"/etc/systemd/network/10-managed.network": managedNetwork,
		} {
			if err := m.WriteFile(name, []byte(text), 0o644); err != nil {
				return err
			}
		}
		// A static name would win over that of a lease, and in Debian 13 dhclient has a
		// script that tells resolved by itself.
		_, err := m.Run(ctx, "rm", "-f", "/etc/hostname", "/etc/dhcp/dhclient-exit-hooks.d/resolved")
		return err
	})
	fleet.Each(t, func(t *testing.T, w *World) {
		h := newLeaseHost(t, w)
		for _, test := range []struct {
			name string
			run  func(leaseHost)
		}{
			{"life of a lease", testLeaseLife},
			{"networkd's link", testLeaseManaged},
			{"hostile", testLeaseHostile},
			{"keys off", testLeaseKeysOff},
		} {
			t.Run(test.name, func(t *testing.T) {
				h := h
				h.script = on(t, w)
				test.run(h)
			})
		}
	})
}

// leaseHost is a machine with a segment whose DHCP server is the test's.
type leaseHost struct {
	script
	segment *Segment
	server  *leaseServer
}

// leaseServer is shared by the copies of its leaseHost.
type leaseServer struct{ process *Process }

func newLeaseHost(t *testing.T, w *World) leaseHost {
	t.Helper()
	s := on(t, w)
	LogHooks(t, w.Machine, "leases.d", "routable.d")
	s.run("systemd-sysusers")
	s.run("systemd-tmpfiles", "--create")
	s.run("systemctl", "enable", "--now", "netbrk.target")
	s.run("hostname", "unnamed")
	segment, err := w.Lab.AddSegment(t.Context(), "lan7", netip.MustParsePrefix("10.78.0.1/24"))
	require.NoError(t, err)
	return leaseHost{script: s, segment: segment, server: &leaseServer{}}
}

// serve has the server hand out other options from now on.
func (h leaseHost) serve(options ...string) {
	h.Helper()
	if h.server.process != nil {
		require.NoError(h, h.server.process.Stop())
	}
	p, err := h.segment.ServeDHCP(h.ctx, DHCP{
		First: netip.MustParseAddr("10.78.0.100"), Last: netip.MustParseAddr("10.78.0.199"), Lease: time.Hour, Options: options,
	})
	require.NoError(h, err)
	h.server.process = p
}

// ordinary are the options of a server that is as it should be.
func ordinary(dns, domain string) []string {
	return []string{"--dhcp-option=option:dns-server," + dns, "--dhcp-option=option:domain-name," + domain, "--dhcp-option-force=12,leased-host"}
}

func (h leaseHost) attach(link Link) {
	h.Helper()
	port, err := h.segment.Attach(h.ctx, h.Machine, link)
	require.NoError(h, err)
	h.Cleanup(func() { assert.NoError(h, port.Detach(context.Background())) })
}

// dhclient runs dhclient(8) for a link, with files as ifupdown has them.
func (h leaseHost) dhclient(link string, args ...string) {
	h.Helper()
	files := []string{"-cf", "/etc/dhclient-e2e.conf", "-lf", "/var/lib/dhcp/dhclient." + link + ".leases", "-pf", "/run/dhclient." + link + ".pid"}
	h.run(append(append(append([]string{"dhclient"}, args...), files...), link)...)
}

// crash ends dhclient for a link as a fault would: it takes nothing back.
func (h leaseHost) crash(link string) {
	h.Helper()
	h.run("sh", "-c", "kill -KILL $(cat /run/dhclient."+link+".pid)")
}

// lease waits for the next event of a link's lease, and forgets it.
func (h leaseHost) lease(link, action string) Ran {
	h.Helper()
	var found Ran
	h.runs(func(runs []Ran) bool {
		i := slices.IndexFunc(runs, func(r Ran) bool { return r.Directory == "leases.d" && r.Env["LINK"] == link })
		if i >= 0 {
			found = runs[i]
		}
		return i >= 0
	})
	assert.Equal(h, action, found.Env["ACTION"])
	h.settle()
	h.truncate()
	return found
}

// settle waits until all that was asked for is done.
func (h leaseHost) settle() {
	h.Helper()
	h.run("sh", "-c", `while [ -n "$(ls /run/netbrk/leases-pending /run/netbrk/lease-events | grep -v :)" ] ||
		[ "$(systemctl is-active netbrk-dhclient.service netbrk-hooks.service | sort -u)" != inactive ]; do sleep 0.1; done`)
}

// resolver is what resolvectl(1) shows of a link.
func (h leaseHost) resolver(link string) string {
	h.Helper()
	show := func(what string) string {
		_, value, _ := strings.Cut(h.run("resolvectl", what, link), "):")
		return strings.TrimSpace(value)
	}
	return fmt.Sprintf("dns %s; domain %s; default route %s", show("dns"), show("domain"), show("default-route"))
}

// given waits until resolvectl shows that. What networkd was told resolved learns
// from its files.
func (h leaseHost) given(link, want string) {
	h.Helper()
	var got string
	assert.Eventually(h, func() bool { got = h.resolver(link); return got == want }, 20*time.Second, 200*time.Millisecond)
	assert.Equal(h, want, got)
}

func (h leaseHost) hostname() string { h.Helper(); return h.run("hostnamectl", "--transient") }

func testLeaseLife(h leaseHost) {
	h.serve(ordinary("10.78.0.1", "leased.example")...)
	h.attach(Link{Name: "dhc0", MAC: "02:00:00:00:70:01"})
	h.dhclient("dhc0")
	run := h.lease("dhc0", "added")
	assert.Regexp(h, `ADDRESS=10\.78\.0\.1\d\d,.*DNS=.*DOMAIN=leased\.example`, run.Env["DHCP_LEASE"])
	assert.Equal(h, []string{"10.78.0.1", "leased.example"}, []string{run.Env["DNS"], run.Env["DOMAIN"]})
	assert.Regexp(h, `^10\.78\.0\.1\d\d/`, run.Env["ADDRESS"])
	h.given("dhc0", "dns 10.78.0.1; domain leased.example; default route yes")
	assert.Equal(h, "leased-host", h.hostname())

	// The same again: dhclient asks for the address that it had, and writes its
	// file anew.
	h.crash("dhc0")
	h.dhclient("dhc0")
	h.settle()
	content, err := h.Machine.ReadFile(HookLog)
	require.NoError(h, err)
	assert.Empty(h, Of(parseRuns(content), "dhc0", "leases.d"), "a renewal that changes nothing")

	// A renewal by the process that holds the lease: the file stays open.
	h.serve(ordinary("10.78.0.53", "changed.example")...)
	run = h.lease("dhc0", "changed")
	assert.Equal(h, "10.78.0.53", run.Env["DNS"])
	h.given("dhc0", "dns 10.78.0.53; domain changed.example; default route yes")

	h.pathUnitAlone()

	h.dhclient("dhc0", "-r")
	run = h.lease("dhc0", "removed")
	assert.NotContains(h, run.Env, "DHCP_LEASE")
	h.given("dhc0", "dns ; domain ; default route no")
	assert.Equal(h, "unnamed", h.hostname())
	assert.Empty(h, h.run("ls", "/run/netbrk/leases"))
}

// pathUnitAlone shows that the path unit sees what is written to a file that stays
// open, without the watcher.
func (h leaseHost) pathUnitAlone() {
	h.Helper()
	h.run("systemctl", "stop", "netbrk-watch.service")
	h.settle()
	before := h.property("netbrk-dhclient.service", "InvocationID")
	holder, err := h.Machine.Start("sh", "-c", "exec >>/var/lib/dhcp/dhclient.dhc0.leases; echo '# more'; sleep infinity")
	require.NoError(h, err)
	h.run("sh", "-c", `while [ "$(systemctl show --value --property=InvocationID netbrk-dhclient.service)" = `+before+` ]; do sleep 0.1; done`)
	assert.NoError(h, holder.Stop())
	h.run("systemctl", "start", "netbrk-watch.service")
	h.settle()
}

func testLeaseManaged(h leaseHost) {
	h.serve(ordinary("10.78.0.1", "leased.example")...)
	h.attach(Link{Name: "mgd0", MAC: "02:00:00:00:70:02"})
	require.NoError(h, h.Machine.WaitLink(h.ctx, "mgd0", "ADMIN_STATE=configured"))
	h.dhclient("mgd0")
	h.lease("mgd0", "added")
	const given = "dns 10.78.0.1; domain leased.example; default route yes"
	h.given("mgd0", given)
	journal, err := h.Machine.FollowJournal("netbrk-dhclient.service")
	require.NoError(h, err)
	defer func() { assert.NoError(h, journal.Stop()) }()
	told := regexp.MustCompile(`resolver told.* link=mgd0 by=systemd-networkd`)
	_, err = journal.Line(h.ctx, told)
	require.NoError(h, err)

	// It takes the values away for a moment: resolved heeds networkd's word for a
	// link only while that link is configured.
	h.run("networkctl", "reconfigure", "mgd0")
	require.NoError(h, h.Machine.WaitLink(h.ctx, "mgd0", "ADMIN_STATE=configured"))
	h.settle()
	h.given("mgd0", given)
	// Another networkd knows nothing of what the last one was told.
	restartNetworkd(h.T, h.Machine, "mgd0")
	_, err = journal.Line(h.ctx, told)
	require.NoError(h, err, "told again")
	h.given("mgd0", given)

	h.dhclient("mgd0", "-r")
	h.lease("mgd0", "removed")
	h.given("mgd0", "dns ; domain ; default route no")
}

// testLeaseHostile: what a server says that is not what it should be reaches
// neither a script, nor resolved, nor hostnamed.
func testLeaseHostile(h leaseHost) {
	const evil = `$(touch /run/pwned)`
	h.serve("--dhcp-option=option:dns-server,10.78.0.1",
		"--dhcp-option-force=15,"+evil+".example", "--dhcp-option-force=12,;reboot")
	h.attach(Link{Name: "dhc1", MAC: "02:00:00:00:70:03"})
	h.dhclient("dhc1")
	run := h.lease("dhc1", "added")
	for name, value := range run.Env {
		assert.NotContains(h, value, "pwned", name)
		assert.NotContains(h, value, "reboot", name)
	}
	assert.NotContains(h, run.Env, "DOMAIN")
	assert.Equal(h, "10.78.0.1", run.Env["DNS"])
	h.given("dhc1", "dns 10.78.0.1; domain ; default route yes")
	assert.Equal(h, "unnamed", h.hostname())
	_, err := h.Machine.WaitJournal(h.ctx, "netbrk-dhclient.service", regexp.MustCompile(`left out`))
	assert.NoError(h, err)
	content, err := h.Machine.ReadFile("/run/pwned")
	assert.Error(h, err, "%s", content)
	h.dhclient("dhc1", "-r")
	h.lease("dhc1", "removed")
}

// testLeaseKeysOff: a key that is switched off takes back what it gave, and so does
// the flush that uninstalling does.
func testLeaseKeysOff(h leaseHost) {
	h.serve(ordinary("10.78.0.1", "leased.example")...)
	h.attach(Link{Name: "dhc2", MAC: "02:00:00:00:70:04"})
	h.dhclient("dhc2")
	h.lease("dhc2", "added")
	h.given("dhc2", "dns 10.78.0.1; domain leased.example; default route yes")
	require.NoError(h, h.Machine.WriteFile("/etc/netbrk/netbrk.toml", []byte(strings.ReplaceAll(leasesConfig, "UseDNS = true", "UseDNS = false")), 0o644))
	h.run("systemctl", "reload", "netbrk-watch.service")
	h.given("dhc2", "dns ; domain leased.example; default route no")
	h.settle()
	h.run("netbrk", "run-hooks", "--generator", "dhclient", "--flush")
	h.given("dhc2", "dns ; domain ; default route no")
	assert.Equal(h, "unnamed", h.hostname())
	require.NoError(h, h.Machine.WriteFile("/etc/netbrk/netbrk.toml", []byte(leasesConfig), 0o644))
}
