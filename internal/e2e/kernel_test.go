//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// witness is a watcher that looks on beside the one of the machine.
type witness struct {
	*Process
	generator string
}

// witness starts one that follows the links ks*.
func (s script) witness(generator string) witness {
	s.Helper()
	config := "/run/witness-" + generator + ".toml"
	require.NoError(s, s.Machine.WriteFile(config, fmt.Appendf(nil, "[System]\nGenerator = %q\n\n[Network]\nLinks = \"ks*\"\n", generator), 0o644))
	p, err := s.Machine.Start("netbrk", "--config="+config, "--state-dir=/run/witness-"+generator, "watch", "--dispatch=none", "--print")
	require.NoError(s, err)
	s.Cleanup(func() { assert.NoError(s, p.Stop()) })
	_, err = p.Line(s.ctx, regexp.MustCompile(`"kind":"rules"`))
	require.NoError(s, err, "the end of its first pass")
	return witness{p, generator}
}

// words are the operational states that a witness told of each link, by ifindex:
// in order, with "removed" at the end of a link.
func (w witness) words(t *testing.T) map[int][]string {
	t.Helper()
	told := map[int][]string{}
	for line := range strings.Lines(w.Output()) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "\n") {
			continue
		}
		ev, err := hostnet.ParseEvent([]byte(line))
		require.NoError(t, err, line)
		switch {
		case ev.Property == hostnet.OperationalState && ev.Index != 0:
			told[ev.Index] = append(told[ev.Index], ev.State)
		case ev.Kind == hostnet.KindLinks && ev.Action == hostnet.ActionRemoved:
			told[ev.Index] = append(told[ev.Index], "removed")
		case ev.Property == hostnet.AdministrativeState:
			assert.NotEqual(t, "kernel", w.generator, line)
		}
	}
	return told
}

// testKernelStates has networkd and the kernel alone witness the same events.
func testKernelStates(t *testing.T, w *World) {
	s := on(t, w)
	s.network("20-ks.network", "[Match]\nName=ks0 ks1\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\n")
	s.network("20-ksport.netdev", "[NetDev]\nName=ksbr\nKind=bridge\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n")
	s.network("20-ksport.network", "[Match]\nName=ksp*\n\n[Network]\nBridge=ksbr\n")
	s.network("20-ksbr.network", "[Match]\nName=ksbr\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
	witnesses := []witness{s.witness("systemd-networkd"), s.witness("kernel")}
	names := map[int]string{}
	know := func(link string) {
		index, err := w.Machine.LinkIndex(link)
		require.NoError(t, err)
		names[index] = link
	}
	// both waits until both have told that a link is in a state.
	both := func(what, link, word string) {
		t.Helper()
		match := `"link":"` + link + `","property":"OperationalState","state":"` + word + `"`
		if word == "removed" {
			match = `"kind":"links","ifindex":\d+,"link":"` + link + `","action":"removed"`
		}
		for _, witness := range witnesses {
			_, err := witness.Line(s.ctx, regexp.MustCompile(match))
			require.NoError(t, err, "%s after %s", witness.generator, what)
		}
	}

	// lost waits until the lease's address has gone, with the carrier. networkd counts
	// it no more once it has decided to remove it (address_is_ready() of systemd 250
	// and later), some 15 ms before: a carrier that is back by then has the kernel in
	// a state that networkd never was in.
	lost := func() {
		t.Helper()
		s.run("sh", "-c", `while [ -n "$(ip -4 address show dev ks0)" ]; do sleep 0.05; done`)
	}

	// A link of networkd's: DHCP, IPv6 of the link, carrier, reconfiguration.
	port, err := w.Segment.Attach(s.ctx, w.Machine, Link{Name: "ks0", MAC: "02:00:00:00:26:01"})
	require.NoError(t, err)
	know("ks0")
	both("attach", "ks0", "routable")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ks0", "ADMIN_STATE=configured"))
	for range 3 {
		require.NoError(t, port.Cut(s.ctx))
		both("cut", "ks0", "no-carrier")
		lost()
		require.NoError(t, port.Restore(s.ctx))
		both("restore", "ks0", "routable")
		require.NoError(t, w.Machine.WaitLink(s.ctx, "ks0", "ADMIN_STATE=configured"))
	}
	s.run("ip", "link", "set", "ks0", "down")
	both("down", "ks0", "off")
	lost()
	s.run("ip", "link", "set", "ks0", "up")
	both("up", "ks0", "routable")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ks0", "ADMIN_STATE=configured"))
	require.NoError(t, port.Detach(s.ctx))
	both("detach", "ks0", "removed")

	// Ports of a bridge of networkd's.
	ports := map[string]*Port{}
	for i, name := range []string{"ksp0", "ksp1"} {
		ports[name] = w.Attach(t, Link{Name: name, MAC: fmt.Sprintf("02:00:00:00:26:1%d", i)})
		know(name)
		both("attach", name, "enslaved")
	}
	know("ksbr")
	require.NoError(t, w.Machine.WaitLink(s.ctx, "ksbr", "OPER_STATE=carrier"))
	require.NoError(t, ports["ksp1"].Cut(s.ctx))
	both("cut", "ksbr", "degraded-carrier")
	require.NoError(t, ports["ksp1"].Restore(s.ctx))
	both("restore", "ksp1", "enslaved")
	s.run("ip", "link", "delete", "ksbr")
	both("delete", "ksbr", "removed")

	// A link that networkd leaves alone, and what is done to it by hand.
	s.run("ip", "link", "add", "ks8", "type", "veth", "peer", "name", "ks9")
	know("ks8")
	know("ks9")
	both("add", "ks8", "off")
	for _, step := range []struct{ ip, link, word string }{
		{"link set ks8 addrgenmode none", "", ""},
		{"link set ks9 addrgenmode none", "", ""},
		{"link set ks8 up", "ks8", "no-carrier"},
		{"link set ks9 up", "ks8", "carrier"},
		{"address add 169.254.7.7/16 dev ks8 scope link", "ks8", "degraded"},
		{"address add 192.0.2.1/24 dev ks8", "ks8", "routable"},
		{"address delete 192.0.2.1/24 dev ks8", "ks8", "degraded"},
		{"address add fd00::1/64 dev ks8", "ks8", "routable"}, // after duplicate address detection
		{"address change fd00::1/64 dev ks8 preferred_lft 0", "", ""},
		{"address add fd00::2/64 dev ks9 nodad", "ks9", "routable"},
		{"address delete fd00::1/64 dev ks8", "ks8", "degraded"},
		{"address add fd00::2/64 dev ks8", "", ""}, // a duplicate
		{"address flush dev ks8", "ks8", "carrier"},
		{"address add 169.254.8.8/16 dev ks8", "ks8", "routable"}, // of global scope
		{"address add 10.55.0.1/24 dev ks8 scope site", "", ""},
		{"address delete 169.254.8.8/16 dev ks8", "ks8", "degraded"},
		{"address add 127.0.0.77/8 dev ks8 scope host", "", ""},
		{"address delete 10.55.0.1/24 dev ks8", "ks8", "carrier"},
		{"link set ks8 down", "ks8", "off"},
		{"link set ks8 mode dormant up", "ks8", "dormant"},
		{"link set ks8 mode default state up", "ks8", "carrier"},
		{"link set ks8 down", "ks8", "off"},
		{"link set ks8 name ks7", "", ""},
		{"link set ks7 up", "ks7", "carrier"},
		// Else networkd may not have told of ks9 yet when it goes.
		{"address delete fd00::2/64 dev ks9", "ks9", "carrier"},
		{"link delete ks7", "ks9", "removed"},
	} {
		s.run(append([]string{"ip"}, strings.Fields(step.ip)...)...)
		if step.word != "" {
			both("ip "+step.ip, step.link, step.word)
		}
	}
	networkd, kernel := witnesses[0].words(t), witnesses[1].words(t)
	for _, index := range slices.Sorted(maps.Keys(names)) {
		t.Logf("%s: networkd %v", names[index], networkd[index])
		t.Logf("%s: kernel   %v", names[index], kernel[index])
		assert.Equal(t, lessLastOff(networkd[index]), lessLastOff(kernel[index]), names[index])
	}
	if t.Failed() {
		for _, witness := range witnesses {
			t.Logf("%s:\n%s", witness.generator, witness.Output())
		}
	}
}

// lessLastOff normalises the one difference there is. The kernel sets a link that
// is up down before it removes it, and tells of both at once: a watcher that reads
// of the removal tells of it without waiting for what networkd has to say of the
// state before, and mostly it is too early for that.
func lessLastOff(words []string) []string {
	if n := len(words); n >= 2 && words[n-2] == "off" && words[n-1] == "removed" {
		return append(slices.Clone(words[:n-2]), "removed")
	}
	return words
}

// testKernelAlone has the installed units serve a machine without networkd and
// without a bus, as on a host with ifupdown or with nothing.
func testKernelAlone(t *testing.T, w *World) {
	s := on(t, w)
	s.clear()
	const config = "/etc/netbrk/netbrk.toml.d/50-kernel.toml"
	require.NoError(t, w.Machine.WriteFile(config, []byte("[System]\nGenerator = \"kernel\"\n"), 0o644))
	t.Cleanup(func() {
		for _, command := range []string{
			"rm " + config + "; rmdir /etc/netbrk/netbrk.toml.d", "ip link delete alone0 || true",
			"systemctl start dbus.socket dbus.service systemd-networkd.socket systemd-networkd.service",
			"systemctl restart systemd-networkd.service netbrk-watch.service",
		} {
			_, err := w.Machine.Run(context.Background(), "sh", "-c", command)
			assert.NoError(t, err, command)
		}
	})
	// A reload says that it is not enough.
	s.run("systemctl", "reload", "netbrk-watch.service")
	_, err := w.Machine.WaitJournal(s.ctx, "netbrk-watch.service", regexp.MustCompile(`System.Generator needs a restart .*configured=kernel`))
	require.NoError(t, err)
	assert.Contains(t, s.property("netbrk-watch", "StatusText"), "needs a restart for Generator kernel")
	s.run("systemctl", "restart", "netbrk-watch.service")
	s.run("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd.service", "dbus.socket", "dbus.service")
	s.run("rm", "-rf", "/run/systemd/netif")
	s.clear()
	assert.Contains(t, s.property("netbrk-watch", "StatusText"), "states from the kernel;")

	s.run("ip", "link", "add", "alone0", "type", "veth", "peer", "name", "alone1")
	s.run("ip", "link", "set", "alone0", "addrgenmode", "none")
	assert.Equal(t, "added", s.has("links.d", "alone0").Env["ACTION"])
	for _, step := range []struct{ directory, ip string }{
		{"no-carrier.d", "link set alone0 up"},
		{"carrier.d", "link set alone1 up"},
		{"routable.d", "address add 192.0.2.1/24 dev alone0"},
		{"no-carrier.d", "link set alone1 down"},
		{"routable.d", "link set alone1 up"},
		{"off.d", "link set alone0 down"},
	} {
		r := s.next(step.directory, "alone0", s.ip(step.ip))
		word := strings.TrimSuffix(step.directory, ".d")
		assert.Equal(t, word, r.Env["CURRENT_STATE"], step.ip)
		assert.Equal(t, word, r.Env["OperationalState"], step.ip)
		assert.NotContains(t, r.Env, "AdministrativeState")
		assert.NotContains(t, r.Env, "OnlineState")
		doc, err := r.Document()
		require.NoError(t, err)
		assert.Equal(t, word, doc["OperationalState"])
		assert.Empty(t, doc["SetupState"])
	}
	s.idle()
	runs := s.ran()
	assert.Empty(t, Of(runs, "alone0", "configuring.d", "configured.d", "unmanaged.d", "failed.d", "leases.d"))
	assert.Empty(t, Of(runs, "", "manager.d"))
	for _, unit := range []string{"netbrk-watch.service", "netbrk-hooks.service"} {
		journal := s.run("journalctl", "--quiet", "--output=cat", "_SYSTEMD_INVOCATION_ID="+s.property(unit, "InvocationID"))
		assert.NotContains(t, journal, "networkd", unit)
		if unit == "netbrk-watch.service" { // the other one looks for systemd there, for its targets
			assert.NotContains(t, journal, "bus")
		}
		assert.Equal(t, "success", s.property(unit, "Result"), unit)
	}
}
