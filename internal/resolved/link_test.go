package resolved

import (
	"io/fs"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/resolved/resolvedtest"
	"github.com/netbrk/netbrk/internal/systembus"
)

func addrs(words ...string) []netip.Addr {
	list := []netip.Addr{}
	for _, w := range words {
		list = append(list, netip.MustParseAddr(w))
	}
	return list
}

// newHost has link 7, which is networkd's, and link 3.
func newHost() *resolvedtest.Host {
	return &resolvedtest.Host{
		Links: map[int32]*resolvedtest.Link{3: {}, 7: {}}, Managed: map[int32]bool{7: true}, Name: "before",
	}
}

// onBus starts a bus with fakes of the services.
func onBus(t *testing.T, units ...string) (*resolvedtest.Host, *Conn) {
	t.Helper()
	b := bustest.New(t, resolve1.name, network1.name)
	b.Start()
	h := newHost()
	h.Export(t, b, units...)
	c := &Conn{}
	t.Cleanup(func() {
		c.Close()
		assert.False(t, b.Activated(), "neither resolved nor networkd is ever started")
	})
	return h, c
}

func TestApply(t *testing.T) {
	both := Settings{DNS: addrs("192.0.2.1", "2001:db8::1"), Domains: []string{"example.net"}, SetDNS: true, SetDomains: true}
	for _, unit := range []struct {
		name   string
		index  int
		revert string
	}{{"systemd-resolved", 3, "RevertLink"}, {"systemd-networkd", 7, "RevertLinkDNS"}} {
		t.Run(unit.name, func(t *testing.T) {
			h, c := onBus(t, resolvedtest.Resolved, resolvedtest.Networkd)
			apply := func(s Settings, calls ...string) {
				t.Helper()
				by, changed, err := c.Apply(t.Context(), unit.index, s)
				require.NoError(t, err)
				assert.Equal(t, len(calls) > 0, changed)
				for i := range calls {
					assert.Equal(t, unit.name, by)
					calls[i] = unit.name + " " + calls[i]
				}
				assert.Equal(t, calls, h.Told())
			}
			apply(Settings{SetDNS: true, SetDomains: true})
			apply(both,
				"SetLinkDNS [{2 [192 0 2 1]} {10 [32 1 13 184 0 0 0 0 0 0 0 0 0 0 0 1]}]",
				"SetLinkDomains [{example.net false}]", "SetLinkDefaultRoute true")
			apply(both)

			// A reconfigure took one of them away, or another tool changed it.
			link := h.Links[int32(unit.index)]
			h.Change(func() { link.DefaultRoute = false })
			apply(both, "SetLinkDNS [{2 [192 0 2 1]} {10 [32 1 13 184 0 0 0 0 0 0 0 0 0 0 0 1]}]",
				"SetLinkDomains [{example.net false}]", "SetLinkDefaultRoute true")
			h.Change(func() { link.Domains[0].RoutingOnly = true })
			apply(Settings{Domains: []string{"EXAMPLE.net."}, SetDomains: true}, "SetLinkDomains [{EXAMPLE.net false}]")
			apply(Settings{Domains: []string{"example.NET"}, SetDomains: true})

			// One key is switched off, then the lease ends.
			apply(Settings{DNS: addrs("192.0.2.1"), SetDNS: true, SetDomains: true},
				unit.revert, "SetLinkDNS [{2 [192 0 2 1]}]", "SetLinkDefaultRoute true")
			apply(Settings{SetDNS: true}, unit.revert)
			apply(Settings{SetDNS: true})
			assert.Zero(t, h.Link(unit.index))
		})
	}
}

// TestApplyDomainsAlone: without servers of the lease nothing is said about them,
// nor about the default route.
func TestApplyDomainsAlone(t *testing.T) {
	h, c := onBus(t, resolvedtest.Resolved, resolvedtest.Networkd)
	_, changed, err := c.Apply(t.Context(), 7, Settings{Domains: []string{"example.net"}, SetDomains: true, DNS: addrs("192.0.2.1")})
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, []string{"systemd-networkd SetLinkDomains [{example.net false}]"}, h.Told())
}

func TestApplyFails(t *testing.T) {
	some := Settings{DNS: addrs("192.0.2.1"), SetDNS: true}
	t.Run("no resolved", func(t *testing.T) {
		_, c := onBus(t, resolvedtest.Networkd)
		_, _, err := c.Apply(t.Context(), 3, some)
		require.ErrorIs(t, err, ErrNotRunning)
		assert.EqualError(t, err, "setting name servers of link 3: systemd-resolved is not running")
	})
	t.Run("no networkd", func(t *testing.T) {
		_, c := onBus(t, resolvedtest.Resolved)
		_, _, err := c.Apply(t.Context(), 7, some)
		require.ErrorIs(t, err, ErrNotRunning)
		assert.Contains(t, err.Error(), "systemd-networkd is not running")
	})
	t.Run("no link", func(t *testing.T) {
		_, c := onBus(t, resolvedtest.Resolved)
		_, _, err := c.Apply(t.Context(), 9, some)
		require.ErrorIs(t, err, hostnet.ErrLinkGone)
	})
	t.Run("denied", func(t *testing.T) {
		h, c := onBus(t, resolvedtest.Resolved)
		for _, name := range []string{"AccessDenied", "InteractiveAuthorizationRequired"} {
			h.Change(func() { h.Deny = "org.freedesktop.DBus.Error." + name })
			_, changed, err := c.Apply(t.Context(), 3, some)
			require.ErrorIs(t, err, fs.ErrPermission)
			assert.False(t, changed)
		}
	})
	t.Run("loopback", func(t *testing.T) {
		h, c := onBus(t, resolvedtest.Resolved, resolvedtest.Networkd)
		h.Change(func() { h.Deny = "org.freedesktop.resolve1.LinkBusy" })
		_, changed, err := c.Apply(t.Context(), 3, some)
		require.ErrorIs(t, err, errBusy)
		assert.False(t, changed)
	})
	t.Run("no bus", func(t *testing.T) {
		t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
		var c Conn
		_, _, err := c.Apply(t.Context(), 3, some)
		assert.ErrorContains(t, err, "connecting to the system bus")
		c.Close()
	})
}

// TestApplySilent: who did not answer in time is not waited for again.
func TestApplySilent(t *testing.T) {
	h, c := onBus(t, resolvedtest.Resolved)
	hang := make(chan struct{})
	h.Change(func() { h.Hang = hang })
	some := Settings{DNS: addrs("192.0.2.1"), SetDNS: true}
	c.timeout = 50 * time.Millisecond
	_, _, err := c.Apply(t.Context(), 3, some)
	require.ErrorIs(t, err, errSilent)
	close(hang)
	c.timeout = 0
	_, _, err = c.Apply(t.Context(), 3, some)
	require.ErrorIs(t, err, errSilent, "now it would answer")
}

// TestApplyStoppedBus: neither is the bus itself, once for each link.
func TestApplyStoppedBus(t *testing.T) {
	b := bustest.New(t)
	b.Start()
	require.NoError(t, b.Process().Signal(unix.SIGSTOP))
	c := &Conn{timeout: 50 * time.Millisecond}
	t.Cleanup(c.Close)
	_, _, err := c.Apply(t.Context(), 3, Settings{DNS: addrs("192.0.2.1"), SetDNS: true})
	require.ErrorIs(t, err, systembus.ErrSilent)
	require.NoError(t, b.Process().Signal(unix.SIGCONT))
	_, _, err = c.HostName(t.Context())
	assert.ErrorIs(t, err, systembus.ErrSilent, "now it would answer")
}

// TestApplyBusRestarted: the connection of an earlier call may be gone.
func TestApplyBusRestarted(t *testing.T) {
	b := bustest.New(t)
	b.Start()
	h := newHost()
	h.Export(t, b, resolvedtest.Resolved)
	var c Conn
	defer c.Close()
	some := Settings{DNS: addrs("192.0.2.1"), SetDNS: true}
	_, _, err := c.Apply(t.Context(), 3, some)
	require.NoError(t, err)
	b.Stop()
	_, _, err = c.Apply(t.Context(), 3, some)
	require.Error(t, err)
	b.Start()
	h.Export(t, b, resolvedtest.Resolved)
	_, changed, err := c.Apply(t.Context(), 3, some)
	require.NoError(t, err)
	assert.False(t, changed)
}

func TestUsable(t *testing.T) {
	list := addrs("192.0.2.1", "::ffff:192.0.2.1", "0.0.0.0", "::", "127.0.0.53", "::1", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1%eth0", "192.0.2.2")
	assert.Equal(t, addrs("192.0.2.1", "fe80::1", "192.0.2.2"), usableServers(append(list, netip.Addr{})))
	assert.Equal(t, []string{"example.net", "a"}, usableDomains([]string{"example.net.", "Example.NET", "", ".", "a;b", "192.0.2.1", "a", "$(x)", "a\nb"}))
	assert.Nil(t, usableServers(nil))
	assert.Nil(t, usableDomains([]string{"-"}))

	var many []netip.Addr
	for addr := netip.MustParseAddr("192.0.2.1"); len(many) < 300; addr = addr.Next() {
		many = append(many, addr)
	}
	assert.Len(t, usableServers(many), maxEach)
}
