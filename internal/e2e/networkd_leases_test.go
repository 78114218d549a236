//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testLeaseHooks hands a link a lease, the same once more, and one that differs,
// and takes it away by the carrier and by the link.
func testLeaseHooks(t *testing.T, w *World) {
	s := on(t, w)
	segment, err := w.Lab.AddSegment(s.ctx, "leases", netip.MustParsePrefix("10.78.0.1/24"))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := w.Lab.Run(context.Background(), "ip", "link", "delete", "leases")
		assert.NoError(t, err)
	})
	options := filepath.Join(t.TempDir(), "options")
	offer := func(dns string) {
		require.NoError(t, os.WriteFile(options, []byte("option:dns-server,"+dns+"\n"), 0o644))
	}
	offer("10.78.0.53")
	server, err := segment.ServeDHCP(s.ctx, DHCP{
		First: netip.MustParseAddr("10.78.0.100"), Last: netip.MustParseAddr("10.78.0.100"), Lease: time.Hour,
		Options: []string{"--dhcp-optsfile=" + options},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, server.Stop())
		if t.Failed() {
			t.Logf("DHCP server:\n%s", server.Output())
		}
	})
	s.clear()
	port, err := segment.Attach(s.ctx, w.Machine, Link{Name: "ensf", MAC: "02:00:00:00:21:01"})
	require.NoError(t, err)
	attached := true
	t.Cleanup(func() {
		if attached {
			assert.NoError(t, port.Detach(context.Background()))
		}
	})
	r := s.has("leases.d", "ensf")
	assert.Equal(t, "added", r.Env["ACTION"])
	assert.Equal(t, "10.78.0.53", r.Env["DNS"])
	assert.Contains(t, strings.Fields(r.Env["DHCP_LEASE"]), "ADDRESS=10.78.0.100")
	const address = "10.78.0.100/24"
	assert.Equal(t, address, r.Env["ADDRESS"])
	s.configured("ensf")

	acknowledged := regexp.MustCompile(`DHCPACK\(leases\)`)
	_, err = server.Line(s.ctx, acknowledged)
	require.NoError(t, err)
	server.Skip() // a client may ask twice
	s.run("networkctl", "renew", "ensf")
	_, err = server.Line(s.ctx, acknowledged)
	require.NoError(t, err)
	// The server goes on running: were one answer lost, networkd would be at renewing
	// for a minute (RFC 2131 section 4.4.5) and heed no other word to renew.
	offer("10.78.0.54")
	require.NoError(t, server.Reload())
	index, err := w.Machine.LinkIndex("ensf")
	require.NoError(t, err)
	r = s.next("leases.d", "ensf", func() {
		s.run("sh", "-c", fmt.Sprintf("until grep -q 10.78.0.54 /run/systemd/netif/leases/%d; do networkctl renew ensf; sleep 0.5; done", index))
	})
	assert.Equal(t, "changed", r.Env["ACTION"])
	assert.Equal(t, "10.78.0.54", r.Env["DNS"])
	assert.Equal(t, address, r.Env["ADDRESS"])
	s.idle()
	assert.Len(t, Of(s.ran(), "ensf", "leases.d"), 2, "a renewal that changes nothing runs nothing")

	// networkd gives a lease up with the carrier.
	cuts := len(Of(s.ran(), "ensf", "no-carrier.d"))
	r = s.next("leases.d", "ensf", func() { require.NoError(t, port.Cut(s.ctx)) })
	assert.Equal(t, "removed", r.Env["ACTION"])
	assert.Equal(t, address, r.Env["ADDRESS"])
	assert.NotContains(t, r.Env, "DHCP_LEASE")
	// Closing its client's sockets, networkd can be long in writing this down.
	runs := slices.DeleteFunc(s.ran(), func(r Ran) bool { return r.Directory != "no-carrier.d" || r.Env["LINK"] != "ensf" })
	require.Len(t, runs, cuts+1)
	r = runs[cuts]
	assert.Equal(t, "no-carrier", r.Env["CarrierState"])
	assert.Equal(t, "configured", r.Env["AdministrativeState"])
	if w.Machine.Suite != "bullseye" { // it is told since systemd 249
		assert.Equal(t, "offline", r.Env["OnlineState"])
	}
	r = s.next("leases.d", "ensf", func() { require.NoError(t, port.Restore(s.ctx)) })
	assert.Equal(t, "added", r.Env["ACTION"])
	s.idle()
	r = s.next("leases.d", "ensf", func() { attached = false; require.NoError(t, port.Detach(s.ctx)) })
	assert.Equal(t, "removed", r.Env["ACTION"])
	assert.Equal(t, address, r.Env["ADDRESS"])
	s.idle()
	assert.Len(t, Of(s.ran(), "ensf", "leases.d"), 5)
}

// testLeaseSignals hides networkd's directories below others, so that no notification
// of a file in them comes: what is left is the state of the DHCP client, which
// networkd tells since systemd 255.
func testLeaseSignals(t *testing.T, w *World) {
	if w.Machine.Suite == "bookworm" || w.Machine.Suite == "bullseye" {
		t.Skip("systemd tells of DHCP clients since version 255")
	}
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ensi", MAC: "02:00:00:00:25:01"})
	s.configured("ensi")
	s.has("leases.d", "ensi")
	s.clear()
	const links, leases = "/run/systemd/netif/links", "/run/systemd/netif/leases"
	for _, dir := range []string{links, leases} {
		s.run("mount", "-t", "tmpfs", "-o", "mode=0755,uid="+s.run("id", "-u", "systemd-network"), "tmpfs", dir)
		t.Cleanup(func() {
			_, err := w.Machine.Run(context.Background(), "umount", dir)
			assert.NoError(t, err)
		})
	}
	watcher := "/proc/" + s.property("netbrk-watch", "MainPID") + "/root"
	require.Empty(t, s.run("ls", watcher+leases), "the watcher sees what networkd will write")
	require.NoError(t, port.Cut(s.ctx))
	assert.Equal(t, "removed", s.has("leases.d", "ensi").Env["ACTION"])
	r := s.next("leases.d", "ensi", func() { require.NoError(t, port.Restore(s.ctx)) })
	assert.Equal(t, "added", r.Env["ACTION"])
	assert.Regexp(t, `^10\.77\.0\.\d+/24$`, r.Env["ADDRESS"])
	assert.Contains(t, r.Env["DHCP_LEASE"], "ADDRESS=10.77.0.")
	require.NotEmpty(t, s.run("ls", watcher+leases))
}
