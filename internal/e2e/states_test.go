//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// next does something and waits for a hook of the directory to run for the link
// once more than it had. It returns that run.
func (s script) next(dir, link string, do func()) Ran {
	s.Helper()
	count := func(runs []Ran) int { return len(Of(runs, link, dir)) }
	before := count(s.ran())
	do()
	runs := s.runs(func(runs []Ran) bool { return count(runs) > before })
	slices.Reverse(runs)
	return runs[slices.IndexFunc(runs, func(r Ran) bool { return r.Directory == dir && r.Env["LINK"] == link })]
}

// ip changes something inside, for next.
func (s script) ip(args string) func() {
	return func() { s.run(append([]string{"ip"}, strings.Fields(args)...)...) }
}

// network writes a file for networkd, for the time of the test.
func (s script) network(name, content string) {
	s.Helper()
	require.NoError(s, s.Machine.WriteNetwork(s.ctx, name, content))
	s.Cleanup(func() {
		_, err := s.Machine.Run(context.Background(), "rm", "/etc/systemd/network/"+name)
		assert.NoError(s, err)
		_, err = s.Machine.Run(context.Background(), "networkctl", "reload")
		assert.NoError(s, err)
	})
}

// testStates brings a link that networkd leaves alone into every operational
// state that follows from what the kernel knows of it.
func testStates(t *testing.T, w *World) {
	s := on(t, w)
	s.clear()
	s.run("ip", "link", "add", "state0", "type", "veth", "peer", "name", "state1")
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "ip", "link", "delete", "state0")
		assert.NoError(t, err)
	})
	// Without addresses of its own, which would come when they like.
	s.run("ip", "link", "set", "state0", "addrgenmode", "none")
	s.has("off.d", "state0")
	s.has("unmanaged.d", "state0")
	for _, step := range []struct{ directory, ip string }{
		{"no-carrier.d", "link set state0 up"},
		{"carrier.d", "link set state1 up"},
		{"degraded.d", "address add 169.254.7.7/16 dev state0 scope link"},
		{"routable.d", "address add 192.0.2.1/24 dev state0"},
		{"degraded.d", "address delete 192.0.2.1/24 dev state0"},
		{"off.d", "link set state0 down"},
		{"dormant.d", "link set state0 mode dormant up"},
		{"degraded.d", "link set state0 mode default state up"},
	} {
		r := s.next(step.directory, "state0", s.ip(step.ip))
		assert.Equal(t, strings.TrimSuffix(step.directory, ".d"), r.Env["OperationalState"], step.ip)
	}
	s.idle()
	runs := s.ran()
	assert.Equal(t, []string{"unmanaged.d"}, Of(runs, "state0", "unmanaged.d", "configuring.d", "configured.d", "failed.d"))
}

// testNetworkdStates has networkd fail to configure a link, and lose a bridge's
// port.
func testNetworkdStates(t *testing.T, w *World) {
	s := on(t, w)
	s.clear()
	// Of a route with a gateway the kernel refuses this scope:
	// fib_check_nh_v4_gw() of net/ipv4/fib_semantics.c.
	s.network("10-failing.network", "[Match]\nName=failing0\n\n[Network]\nAddress=10.77.0.9/24\nIPv6AcceptRA=no\n\n"+
		"[Route]\nDestination=192.0.2.0/24\nGateway=10.77.0.1\nScope=link\n")
	w.Attach(t, Link{Name: "failing0", MAC: "02:00:00:00:20:01"})
	assert.Equal(t, "configuring", s.has("failed.d", "failing0").Env["PREVIOUS_STATE"])

	// The bridge first: networkd ignores one that it does not know yet.
	s.network("10-ports.netdev", "[NetDev]\nName=ports\nKind=bridge\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n")
	s.network("10-ports.network", "[Match]\nName=port0 port1\n\n[Network]\nBridge=ports\n")
	s.network("10-bridge.network", "[Match]\nName=ports\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "ip", "link", "delete", "ports")
		assert.NoError(t, err)
	})
	w.Attach(t, Link{Name: "port0", MAC: "02:00:00:00:20:02"})
	port := w.Attach(t, Link{Name: "port1", MAC: "02:00:00:00:20:03"})
	s.has("enslaved.d", "port0")
	s.has("enslaved.d", "port1")
	s.has("carrier.d", "ports")
	s.next("degraded-carrier.d", "ports", func() { require.NoError(t, port.Cut(s.ctx)) })
	s.next("carrier.d", "ports", func() { require.NoError(t, port.Restore(s.ctx)) })
}

// testOvertaken flaps a link while the hooks of its first transition still run:
// each later one is delivered all the same, when the link is long past it.
func testOvertaken(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ensg", MAC: "02:00:00:00:22:01"})
	s.configured("ensg")
	s.clear()
	const gate, hook = "/run/gate", "/etc/netbrk/no-carrier.d/ensg/10-wait"
	require.NoError(t, w.Machine.WriteFile(hook, []byte("#!/bin/sh\nread x < "+gate+"\n"), 0o755))
	s.run("mkfifo", gate)
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "rm", "-r", gate, "/etc/netbrk/no-carrier.d/ensg")
		assert.NoError(t, err)
	})
	const flaps = 6
	for range flaps {
		require.NoError(t, port.Cut(s.ctx))
		require.NoError(t, w.Machine.WaitLink(s.ctx, "ensg", "OPER_STATE=no-carrier"))
		require.NoError(t, port.Restore(s.ctx))
		require.NoError(t, w.Machine.WaitLink(s.ctx, "ensg", "OPER_STATE=routable"))
	}
	var want []string
	for range flaps {
		s.next("no-carrier.d", "ensg", func() { s.run("sh", "-c", "echo > "+gate) })
		want = append(want, "no-carrier.d", "routable.d")
	}
	s.idle()
	runs := s.ran()
	assert.Equal(t, want, Of(runs, "ensg", "no-carrier.d", "routable.d", "off.d"))
	for _, r := range runs {
		if r.Directory == "no-carrier.d" {
			assert.Equal(t, "0", r.Env["COALESCED"], "few enough to be delivered each")
			assert.Equal(t, "routable", r.Env["PREVIOUS_STATE"])
		}
	}
}

// testBusGone flaps a link of a machine that has no bus for a while.
func testBusGone(t *testing.T, w *World) {
	s := on(t, w)
	port := w.Attach(t, Link{Name: "ensh", MAC: "02:00:00:00:23:01"})
	s.configured("ensh")
	s.clear()
	s.run("systemctl", "stop", "dbus.socket", "dbus.service")
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "systemctl", "start", "dbus.socket", "dbus.service")
		assert.NoError(t, err)
		// Some do not come back to a new bus by themselves.
		_, err = w.Machine.Run(context.Background(), "systemctl", "restart", "systemd-networkd.service")
		assert.NoError(t, err)
	})
	flap := func() {
		s.next("no-carrier.d", "ensh", func() { require.NoError(t, port.Cut(s.ctx)) })
		s.next("routable.d", "ensh", func() { require.NoError(t, port.Restore(s.ctx)) })
	}
	flap()
	s.run("systemctl", "start", "dbus.socket", "dbus.service")
	flap()
	s.idle()
	want := []string{"no-carrier.d", "routable.d", "no-carrier.d", "routable.d"}
	assert.Equal(t, want, Of(s.ran(), "ensh", "no-carrier.d", "routable.d"))
}

// testOddNames flaps links whose names or numbers are legal and unusual.
func testOddNames(t *testing.T, w *World) {
	s := on(t, w)
	s.clear()
	for i, link := range []Link{
		{Name: "ens100131", Index: 100131},
		{Name: "ens+b@c.d#1$2"},
		{Name: "ens'\"`;é*["},
	} {
		link.MAC = fmt.Sprintf("02:00:00:00:24:%02d", i)
		port := w.Attach(t, link)
		s.configured(link.Name)
		r := s.next("no-carrier.d", link.Name, func() { require.NoError(t, port.Cut(s.ctx)) })
		index, err := w.Machine.LinkIndex(link.Name)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(index), r.Env["LINKINDEX"])
		doc, err := r.Document()
		require.NoError(t, err)
		assert.Equal(t, link.Name, doc["Name"])
		assert.Equal(t, link.MAC, doc["HardwareAddr"])
		r = s.next("routable.d", link.Name, func() { require.NoError(t, port.Restore(s.ctx)) })
		assert.Contains(t, r.Env["DHCP_LEASE"], "ADDRESS=10.77.0.1")
	}
}
