//go:build e2e

package e2e

import (
	"context"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func testWatcherDead(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ens7", MAC: "02:00:00:00:18:01"})
	s.configured("ens7")
	s.clear()
	s.run("systemctl", "kill", "--signal=KILL", "netbrk-watch.service")
	s.run("systemctl", "stop", "netbrk-watch.service")
	require.NoError(t, port.Cut(s.ctx))
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ens7", "OPER_STATE=no-carrier"))
	s.run("ip", "address", "add", "10.96.0.1/24", "dev", "ens7")
	s.run("systemctl", "start", "netbrk-watch.service")
	r := s.has("no-carrier.d", "ens7")
	assert.Equal(t, "routable", r.Env["PREVIOUS_STATE"])
	s.has("addresses.d", "ens7")
	s.idle()
	runs := s.ran()
	assert.Equal(t, []string{"no-carrier.d"}, Of(runs, "ens7", "no-carrier.d", "routable.d", "configured.d"))
	// And what did not change is not told again.
	assert.Empty(t, Of(runs, "lo", "carrier.d", "links.d"))
}

// testHooksKilled kills run-hooks in the middle of a script.
func testHooksKilled(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ens8", MAC: "02:00:00:00:19:01"})
	s.configured("ens8")
	s.clear()
	require.NoError(t, w.Machine.WriteFile("/etc/netbrk/no-carrier.d/ens8/10-slow",
		[]byte("#!/bin/sh\necho \"slow.d $(printf 'LINK=%s' $LINK | od -An -v -tx1 | tr -d ' ')\" >> "+HookLog+"\nread x < /run/gate\n"), 0o755))
	s.run("mkfifo", "/run/gate")
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "rm", "-r", "/run/gate", "/etc/netbrk/no-carrier.d/ens8")
		assert.NoError(t, err)
	})
	require.NoError(t, port.Cut(s.ctx))
	s.has("slow.d", "ens8")
	s.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "netbrk-hooks.service")
	s.runs(func(runs []Ran) bool { return len(Of(runs, "ens8", "slow.d")) == 2 })
	assert.NotEmpty(t, s.run("ls", "/run/netbrk/events"))
	s.run("sh", "-c", "echo > /run/gate")
	s.has("no-carrier.d", "ens8")
	s.idle()
}

func testBusRestart(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ens9", MAC: "02:00:00:00:1a:01"})
	s.configured("ens9")
	s.clear()
	s.run("systemctl", "restart", "dbus.service")
	// networkd does not come back to a new bus by itself: the kernel tells.
	require.NoError(t, port.Cut(s.ctx))
	s.has("no-carrier.d", "ens9")
	require.NoError(t, port.Restore(s.ctx))
	s.has("routable.d", "ens9")
	s.clear()
	s.run("systemctl", "restart", "systemd-networkd.service")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ens9", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	_, err := w.Machine.WaitJournal(s.ctx, "netbrk-watch.service", regexp.MustCompile("following systemd-networkd on the bus"))
	require.NoError(t, err)
	s.clear()
	require.NoError(t, port.Cut(s.ctx))
	assert.Equal(t, "ens9", s.has("no-carrier.d", "ens9").Env["LINK"])
	assert.Equal(t, "0", s.property("netbrk-watch", "NRestarts"))
}

func testNetworkdRestart(t *testing.T, w *World) {
	for _, udev := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "with udev"}[udev], func(t *testing.T) {
			s := on(t, w)
			link := Link{Name: "ensa" + strconv.FormatBool(udev)[:1], MAC: "02:00:00:00:1b:0" + map[bool]string{false: "1", true: "2"}[udev]}
			port := w.Attach(t, link)
			s.configured(link.Name)
			if udev {
				require.NoError(t, w.Machine.FakeUdev(s.ctx, link.Name))
				// A networkd that saw udev waits for udev to tell of new links.
				t.Cleanup(func() {
					assert.NoError(t, w.Machine.RemoveUdev(context.Background()))
					_, err := w.Machine.Run(context.Background(), "systemctl", "restart", "systemd-networkd.service")
					assert.NoError(t, err)
				})
			}
			s.clear()
			s.run("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd.service")
			require.NoError(t, port.Cut(s.ctx))
			s.has("no-carrier.d", link.Name) // while networkd is away
			s.run("systemctl", "start", "systemd-networkd.service")
			require.NoError(t, port.Restore(s.ctx))
			require.NoError(t, w.Machine.WaitLink(s.ctx, link.Name, "OPER_STATE=routable", "ADMIN_STATE=configured"))
			s.has("routable.d", link.Name)
			s.clear()
			require.NoError(t, port.Cut(s.ctx))
			s.has("no-carrier.d", link.Name)
		})
	}
}

func testReload(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ensc", MAC: "02:00:00:00:1d:01"})
	s.configured("ensc")
	require.NoError(t, w.Machine.WriteFile("/etc/netbrk/netbrk.toml.d/50-test.toml", []byte("[Network]\nLinks = \"!ensc !lo\"\n"), 0o644))
	remove := func() {
		_, err := w.Machine.Run(context.Background(), "rm", "-rf", "/etc/netbrk/netbrk.toml.d")
		assert.NoError(t, err)
		_, err = w.Machine.Run(context.Background(), "systemctl", "reload", "netbrk-watch.service")
		assert.NoError(t, err)
	}
	t.Cleanup(remove)
	s.clear()
	pid := s.property("netbrk-watch", "MainPID")
	s.run("systemctl", "reload", "netbrk-watch.service")
	_, err := w.Machine.WaitJournal(s.ctx, "netbrk-watch.service", regexp.MustCompile(`read anew.*!ensc`))
	require.NoError(t, err)
	require.NoError(t, port.Cut(s.ctx))
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ensc", "OPER_STATE=no-carrier"))
	s.run("ip", "link", "add", "marker0", "type", "veth", "peer", "name", "marker1")
	s.has("links.d", "marker0")
	s.idle()
	assert.Empty(t, Of(s.ran(), "ensc", hostnet.Directories()...))
	s.run("ip", "link", "delete", "marker0")
	// A link that counts again is told of as one that is new.
	s.clear()
	s.run("rm", "-r", "/etc/netbrk/netbrk.toml.d")
	s.run("systemctl", "reload", "netbrk-watch.service")
	assert.Equal(t, "added", s.has("links.d", "ensc").Env["ACTION"])
	assert.NotContains(t, s.has("no-carrier.d", "ensc").Env, "PREVIOUS_STATE")
	s.has("addresses.d", "ensc") // of the IPv6 link
	assert.Equal(t, pid, s.property("netbrk-watch", "MainPID"))
}

func testBrokenConfig(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ensd", MAC: "02:00:00:00:1e:01"})
	s.configured("ensd")
	s.clear()
	require.NoError(t, w.Machine.WriteFile("/etc/netbrk/netbrk.toml.d/50-test.toml", []byte("[System]\nHookTimeout = \"soon\"\n"), 0o644))
	require.NoError(t, port.Cut(s.ctx))
	_, err := w.Machine.WaitJournal(s.ctx, "netbrk-hooks.service", regexp.MustCompile(`50-test.toml:2:\d+: System.HookTimeout`))
	require.NoError(t, err)
	s.run("rm", "-r", "/etc/netbrk/netbrk.toml.d")
	s.has("no-carrier.d", "ensd")
	s.idle()
	restarts, err := strconv.Atoi(s.property("netbrk-hooks.service", "NRestarts"))
	require.NoError(t, err)
	assert.Less(t, restarts, 10, "a service that cannot start its work is not started again at once")
}

func testStateRemoved(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ense", MAC: "02:00:00:00:1f:01"})
	s.configured("ense")
	s.clear()
	s.run("rm", "-rf", "/run/netbrk")
	require.NoError(t, port.Cut(s.ctx))
	s.has("no-carrier.d", "ense")
	s.idle()
	checkState(s)
}
