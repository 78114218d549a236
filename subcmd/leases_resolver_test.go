package subcmd

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/kernel"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/resolved/resolvedtest"
	"github.com/netbrk/netbrk/state"
)

// resolverHost is a host with links, leases, and somebody to be told of them.
type resolverHost struct {
	*resolvedtest.Host

	t     *testing.T
	run   *leasesRun
	links map[string]dhclient.Link
	log   bytes.Buffer
}

// lo is the one link that is there wherever a test runs: it plays the link that
// goes on under another name.
const lo = 1

func newResolverHost(t *testing.T, units ...string) *resolverHost {
	t.Helper()
	b := bustest.New(t)
	b.Start()
	h := &resolverHost{t: t, links: map[string]dhclient.Link{}, Host: &resolvedtest.Host{
		Links: map[int32]*resolvedtest.Link{lo: {}, 3: {}, 7: {}}, Managed: map[int32]bool{7: true}, Name: "before",
	}}
	h.Export(t, b, units...)
	conn, err := kernel.Open()
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	kept, err := state.OpenLeases(t.TempDir())
	require.NoError(t, err)
	cfg := config.Default("")
	cfg.Network.UseDNS, cfg.Network.UseDomain, cfg.Network.UseHostname = true, true, true
	h.run = &leasesRun{
		cfg: cfg, log: slog.New(slog.NewTextHandler(&h.log, nil)), kernel: conn, kept: kept, told: map[string]bool{},
		hostName: func() (string, error) { return "not asked", nil },
	}
	t.Cleanup(h.run.names.Close)
	return h
}

func (h *resolverHost) plug(name string, index int) {
	h.links[name] = dhclient.Link{Index: index, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")}}
}

func leaseOf(link, dns, domain, host string) hostnet.Lease {
	l := hostnet.Lease{Link: link, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}, Domain: domain, HostName: host}
	if dns != "" {
		l.DNS = []netip.Addr{netip.MustParseAddr(dns)}
	}
	return l
}

// tell has a run compare, and tell the resolver and hostnamed.
func (h *resolverHost) tell(leases ...hostnet.Lease) []report.LinkLeases {
	h.t.Helper()
	kept, err := h.run.kept.Load()
	require.NoError(h.t, err)
	changes := dhclient.Compare(kept, leases, nil, func(name string) (dhclient.Link, bool) {
		link, ok := h.links[name]
		return link, ok
	}, time.Now())
	records := make([]report.LinkLeases, len(changes))
	for i, c := range changes {
		records[i] = c.After
	}
	require.NoError(h.t, h.run.resolveAll(h.t.Context(), changes, records))
	require.NoError(h.t, h.run.nameHost(h.t.Context(), changes, records))
	return records
}

// look is a run to its end, and returns what was set.
func (h *resolverHost) look(leases ...hostnet.Lease) []string {
	h.t.Helper()
	h.log.Reset()
	for _, record := range h.tell(leases...) {
		require.NoError(h.t, h.run.keep(record))
	}
	return h.Told()
}

func (h *resolverHost) kept() map[string]report.LinkLeases {
	kept, err := h.run.kept.Load()
	require.NoError(h.t, err)
	return kept
}

func (h *resolverHost) clean() {
	h.t.Helper()
	for _, index := range []int{lo, 3, 7} {
		assert.Zero(h.t, h.Link(index), "link %d", index)
	}
	assert.Equal(h.t, "before", h.HostName())
	assert.Empty(h.t, h.kept())
}

func TestResolverLife(t *testing.T) {
	h := newResolverHost(t, resolvedtest.Resolved, resolvedtest.Networkd, resolvedtest.Hostnamed)
	h.plug("eth0", 3)
	lease := leaseOf("eth0", "192.0.2.1", "example.net", "web-17")
	given := []string{
		"systemd-resolved SetLinkDNS [{2 [192 0 2 1]}]", "systemd-resolved SetLinkDomains [{example.net false}]",
		"systemd-resolved SetLinkDefaultRoute true", "SetHostname web-17 false",
	}
	assert.Equal(t, given, h.look(lease))
	assert.Contains(t, h.log.String(), "resolver told")
	assert.Empty(t, h.look(lease))
	assert.Empty(t, h.log.String(), "what changes nothing is not worth a line")

	h.Change(func() { *h.Links[3] = resolvedtest.Link{} })
	assert.Equal(t, given[:3], h.look(lease), "a reconfigure took it")

	h.run.cfg.Network.UseDNS = false
	assert.Equal(t, []string{"systemd-resolved RevertLink", given[1]}, h.look(lease))
	h.run.cfg.Network.UseDomain, h.run.cfg.Network.UseHostname = false, false
	assert.Equal(t, []string{"systemd-resolved RevertLink", "SetHostname before false"}, h.look(lease))
	assert.Nil(t, h.kept()["eth0"].Resolver)
	assert.Empty(t, h.look(lease))
	h.run.cfg.Network.UseDNS, h.run.cfg.Network.UseDomain, h.run.cfg.Network.UseHostname = true, true, true
	assert.Equal(t, given, h.look(lease))

	delete(h.links, "eth0")
	h.look(lease)
	assert.Equal(t, "before", h.HostName())
	assert.Empty(t, h.kept())
}

// TestResolverKilled: wherever a run was killed, the next one with the same lease
// brings about what is wanted, and the next one without it leaves nothing behind.
func TestResolverKilled(t *testing.T) {
	leases := map[string][2]hostnet.Lease{
		"new":     {{}, leaseOf("eth0", "192.0.2.1", "example.net", "web-17")},
		"changed": {leaseOf("eth0", "192.0.2.9", "", "old"), leaseOf("eth0", "192.0.2.1", "example.net", "web-17")},
		"less":    {leaseOf("eth0", "192.0.2.9", "example.org", "old"), leaseOf("eth0", "", "example.net", "")},
	}
	for name, lease := range leases {
		for _, index := range []int{3, 7} {
			h := newResolverHost(t, resolvedtest.Resolved, resolvedtest.Networkd, resolvedtest.Hostnamed)
			for allowed := 0; ; allowed++ { // clean, each time
				h.plug("eth0", index)
				if lease[0].Link != "" {
					h.look(lease[0])
				}
				h.Told()
				kill := func() {
					h.Change(func() { h.Deny, h.Allowed = "org.freedesktop.DBus.Error.Failed", allowed })
					h.tell(lease[1])
					h.Change(func() { h.Deny = "" })
				}
				kill()
				done := len(h.Told()) < allowed
				h.look(lease[1])
				assert.Empty(t, h.look(lease[1]), "%s, link %d, killed after %d calls", name, index, allowed)
				wantName := lease[1].HostName
				if wantName == "" {
					wantName = "before"
				}
				assert.Equal(t, wantName, h.HostName(), "%s, link %d, killed after %d calls", name, index, allowed)
				assert.Len(t, h.Link(index).DNS, len(lease[1].DNS))
				assert.Len(t, h.Link(index).Domains, 1)
				h.links["eth0"] = dhclient.Link{Index: index}
				h.look(lease[1])
				h.clean()

				h.plug("eth0", index) // and without the run between
				if lease[0].Link != "" {
					h.look(lease[0])
				}
				kill()
				h.links["eth0"] = dhclient.Link{Index: index}
				h.look(lease[1])
				h.clean()
				if done {
					break
				}
			}
		}
	}
}

// TestResolverFails: what failed is tried again, giving as well as taking back,
// and the records do not forget it meanwhile.
func TestResolverFails(t *testing.T) {
	h := newResolverHost(t, resolvedtest.Resolved, resolvedtest.Hostnamed)
	h.plug("eth0", 3)
	lease := leaseOf("eth0", "192.0.2.1", "example.net", "web-17")
	fail := func(what string, leases ...hostnet.Lease) {
		t.Helper()
		h.Change(func() { h.Deny, h.Allowed = "org.freedesktop.DBus.Error.AccessDenied", 0 })
		h.run.partial = false
		assert.Empty(t, h.look(leases...), what)
		assert.True(t, h.run.partial, what)
		assert.Contains(t, h.log.String(), `hint="run it as root"`, what)
		h.Change(func() { h.Deny = "" })
	}
	fail("giving", lease)
	assert.Len(t, h.look(lease), 4)

	h.run.cfg.Network.UseDNS, h.run.cfg.Network.UseDomain, h.run.cfg.Network.UseHostname = false, false, false
	fail("keys switched off", lease)
	fail("keys switched off", lease)
	assert.Equal(t, []string{"systemd-resolved RevertLink", "SetHostname before false"}, h.look(lease))

	h.run.cfg.Network.UseDNS, h.run.cfg.Network.UseDomain, h.run.cfg.Network.UseHostname = true, true, true
	h.look(lease)
	h.links["eth0"] = dhclient.Link{Index: 3}
	fail("lease ended", lease)
	assert.NotEmpty(t, h.kept())
	assert.Equal(t, []string{"systemd-resolved RevertLink", "SetHostname before false"}, h.look(lease))
	h.clean()
}

func TestResolverAbsent(t *testing.T) {
	h := newResolverHost(t)
	h.plug("eth0", 3)
	assert.Empty(t, h.look(leaseOf("eth0", "192.0.2.1", "", "")))
	assert.True(t, h.run.partial)
	assert.Contains(t, h.log.String(), `err="setting name servers of link 3: systemd-resolved is not running" hint="start it, `)
}

// TestResolverRenamed: what a link was given it keeps under another name, and the
// resolver knows links by index.
func TestResolverRenamed(t *testing.T) {
	h := newResolverHost(t, resolvedtest.Resolved)
	h.run.cfg.Network.UseHostname = false
	h.plug("eth0", lo) // see lo
	lease := leaseOf("eth0", "192.0.2.1", "example.net", "")
	require.Len(t, h.look(lease), 3)
	delete(h.links, "eth0")
	h.Change(func() { h.Deny, h.Allowed = "org.freedesktop.DBus.Error.Failed", 0 })
	h.look(lease)
	h.Change(func() { h.Deny = "" })
	h.plug("eth0", 3) // another one with the name
	assert.Equal(t, []string{
		"systemd-resolved RevertLink", "systemd-resolved SetLinkDNS [{2 [192 0 2 1]}]",
		"systemd-resolved SetLinkDomains [{example.net false}]", "systemd-resolved SetLinkDefaultRoute true",
	}, h.look(lease))
	assert.Zero(t, h.Link(lo))
	assert.Len(t, h.Link(3).DNS, 1)
	assert.Equal(t, 3, h.kept()["eth0"].Index)

	delete(h.links, "eth0")
	h.Change(func() { h.Links[3] = nil })
	require.NoError(t, h.run.kept.Save(report.LinkLeases{Link: "eth0", Index: 1 << 30, Resolver: &report.LeaseResolver{DNS: lease.DNS}}))
	assert.Empty(t, h.look(), "gone with the link")
	assert.Empty(t, h.kept())
}

func TestResolverSwapped(t *testing.T) {
	h := newResolverHost(t, resolvedtest.Resolved)
	h.run.cfg.Network.UseHostname = false
	h.plug("eth0", lo)
	h.plug("eth1", 3)
	a, b := leaseOf("eth0", "192.0.2.1", "", ""), leaseOf("eth1", "192.0.2.2", "", "")
	h.look(a, b)
	h.plug("eth0", 3)
	h.plug("eth1", lo)
	h.look(a, b)
	assert.Empty(t, h.look(a, b))
	assert.Equal(t, []byte{192, 0, 2, 1}, h.Link(3).DNS[0].Address)
	assert.Equal(t, []byte{192, 0, 2, 2}, h.Link(lo).DNS[0].Address)
}

func TestHostNameOfLeases(t *testing.T) {
	newHost := func(t *testing.T) *resolverHost {
		h := newResolverHost(t, resolvedtest.Hostnamed)
		h.run.cfg.Network.UseDNS, h.run.cfg.Network.UseDomain = false, false
		h.plug("eth0", 7)
		h.plug("eth1", 3)
		return h
	}
	a, b := leaseOf("eth0", "", "", "a"), leaseOf("eth1", "", "", "b")
	t.Run("lowest index", func(t *testing.T) {
		h := newHost(t)
		assert.Equal(t, []string{"SetHostname a false"}, h.look(a))
		assert.Equal(t, []string{"SetHostname b false"}, h.look(a, b))
		assert.Empty(t, h.look(a, b))
		h.links["eth1"] = dhclient.Link{Index: 3}
		assert.Equal(t, []string{"SetHostname a false"}, h.look(a, b))
		h.links["eth0"] = dhclient.Link{Index: 7}
		assert.Equal(t, []string{"SetHostname before false"}, h.look(a, b))
		h.clean()
	})
	t.Run("static", func(t *testing.T) {
		h := newHost(t)
		h.Change(func() { h.Static = "before" })
		assert.Empty(t, h.look(a))
		assert.Empty(t, h.kept()["eth0"].HostName)
		h.Change(func() { h.Static = "" })
		assert.Len(t, h.look(a), 1)
		h.Change(func() { h.Static, h.Name = "fixed", "fixed" })
		assert.Empty(t, h.look(a))
		assert.Empty(t, h.kept()["eth0"].HostName, "nothing to take back any more")
	})
	t.Run("somebody else", func(t *testing.T) {
		h := newHost(t)
		assert.Len(t, h.look(a), 1)
		h.Change(func() { h.Name = "meant" })
		assert.Empty(t, h.look(a))
		h.links["eth0"] = dhclient.Link{Index: 7}
		assert.Empty(t, h.look(a))
		assert.Equal(t, "meant", h.HostName())
	})
	t.Run("unspeakable before", func(t *testing.T) {
		h := newHost(t)
		h.Change(func() { h.Name = "(none)" })
		assert.Len(t, h.look(a), 1)
		h.links["eth0"] = dhclient.Link{Index: 7}
		assert.Empty(t, h.look(a))
		assert.Empty(t, h.kept())
	})
	t.Run("asked for nothing", func(t *testing.T) {
		h := newHost(t)
		assert.Len(t, h.look(a), 1)
		h.run.hostName = func() (string, error) { return "a", nil }
		h.run.names.Close()
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
		h.look(a)
		assert.False(t, h.run.partial, "hostnamed would be started for each question")
	})
}
