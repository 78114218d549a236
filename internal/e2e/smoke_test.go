//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSystem shows that the harness gives tests what it promises, on each suite.
func TestSystem(t *testing.T) {
	Require(t)
	before := links(t)
	fleet := newFleet(t, nil)

	for _, test := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"boot", testBoot},
		{"files", testFiles},
		{"lease", testLease},
		{"static address", testStatic},
		{"carrier", testCarrier},
		{"unusual links", testUnusualLinks},
		{"restarts", testRestarts},
		{"udev", testUdev},
		{"metadata", testMetadata},
		{"dispatcher", testDispatcher},
	} {
		t.Run(test.name, func(t *testing.T) { fleet.Each(t, test.run) })
	}
	var owned []string
	for _, w := range fleet.made {
		owned = append(owned, lasting(w.Machine)...)
	}
	assert.NotEmpty(t, owned)
	require.NoError(t, fleet.Close())
	assert.Empty(t, leftovers(t, before, owned))
}

// ens4 is the link of most tests.
var ens4 = Link{Name: "ens4", MAC: "02:00:00:00:04:01"}

func testBoot(t *testing.T, w *World) {
	for _, test := range []struct {
		name, want string
		args       []string
	}{
		{"system", "running", []string{"systemctl", "is-system-running"}},
		{"PID 1", "systemd", []string{"cat", "/proc/1/comm"}},
		{"networkd", "active", []string{"systemctl", "is-active", "systemd-networkd"}},
		{"resolved", "active", []string{"systemctl", "is-active", "systemd-resolved"}},
		{"release", w.Machine.Suite, []string{"sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME"}},
		{"links", "lo", []string{"ls", "/sys/class/net"}},
		{"cgroups", "cgroup2fs", []string{"stat", "--file-system", "--format=%T", "/sys/fs/cgroup"}},
		// Its being enabled would have systemctl succeed.
		{"dispatcher", "disabled", []string{"sh", "-c", "systemctl is-enabled networkd-dispatcher || :"}},
	} {
		out, err := w.Machine.Run(t.Context(), test.args...)
		assert.NoError(t, err, test.name)
		assert.Equal(t, test.want, strings.TrimSpace(out), test.name)
	}

	_, err := w.Machine.Run(t.Context(), "sh", "-c", "echo what is wrong >&2; exit 3")
	assert.ErrorContains(t, err, "exit status 3: what is wrong")
}

func testFiles(t *testing.T, w *World) {
	const name = "/etc/netbrk-e2e/deep/file"
	require.NoError(t, w.Machine.WriteFile(name, []byte("one\n"), 0o640))
	out, err := w.Machine.Run(t.Context(), "stat", "--format=%a %U %s", name)
	require.NoError(t, err)
	assert.Equal(t, "640 root 4\n", out)
	assert.NoFileExists(t, filepath.Join(w.root.Dir, name), "the cached root")

	// An absolute link means the machine's own root.
	_, err = w.Machine.Run(t.Context(), "ln", "-s", "/etc/hostname", "/etc/netbrk-e2e/link")
	require.NoError(t, err)
	content, err := w.Machine.ReadFile("/etc/netbrk-e2e/link")
	require.NoError(t, err)
	assert.Equal(t, "netbrk-e2e\n", string(content))

	_, err = w.Machine.Run(t.Context(), "systemd-run", "--unit=greeter", "sh", "-c", "echo 'hello there'; rm -r /etc/netbrk-e2e")
	require.NoError(t, err)
	line, err := w.Machine.WaitJournal(t.Context(), "greeter.service", regexp.MustCompile(`^hello`))
	require.NoError(t, err)
	assert.Equal(t, "hello there", line)
	require.NoError(t, w.Machine.WaitFile(t.Context(), name, func(content []byte) bool { return content == nil }))
}

func testLease(t *testing.T, w *World) {
	port := w.Attach(t, ens4)
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	ack, err := w.DHCP.Line(t.Context(), regexp.MustCompile(`DHCPACK\(lan0\) 10\.77\.0\.1\d\d `+ens4.MAC))
	require.NoError(t, err)
	address := regexp.MustCompile(`10\.77\.0\.1\d\d`).FindString(ack)

	index, err := w.Machine.LinkIndex("ens4")
	require.NoError(t, err)
	lease, err := w.Machine.ReadFile(fmt.Sprintf("/run/systemd/netif/leases/%d", index))
	require.NoError(t, err)
	fields := keyValues(string(lease))
	assert.Equal(t, address, fields["ADDRESS"])
	assert.Equal(t, "10.77.0.1", fields["ROUTER"])
	assert.Equal(t, "e2e.example", fields["DOMAINNAME"])
	out, err := w.Machine.Run(t.Context(), "ip", "-4", "-brief", "address", "show", "ens4")
	require.NoError(t, err)
	assert.Contains(t, out, address+"/24")

	sentBefore, receivedBefore, err := port.Packets(t.Context())
	require.NoError(t, err)
	_, err = w.Machine.Run(t.Context(), "ping", "-c", "2", "-i", "0.2", "10.77.0.1")
	require.NoError(t, err)
	sent, received, err := port.Packets(t.Context())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, sent, sentBefore+2)
	assert.GreaterOrEqual(t, received, receivedBefore+2)
}

func testStatic(t *testing.T, w *World) {
	require.NoError(t, w.Machine.WriteNetwork(t.Context(), "10-static.network",
		"[Match]\nName=ens9\n\n[Network]\nAddress=10.77.0.9/24\nIPv6AcceptRA=no\n"))
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "rm", "/etc/systemd/network/10-static.network")
		assert.NoError(t, err)
	})
	w.Attach(t, Link{Name: "ens9", MAC: "02:00:00:00:09:01"})
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens9", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	_, err := w.Machine.Run(t.Context(), "ping", "-c", "1", "-I", "10.77.0.9", "10.77.0.1")
	assert.NoError(t, err)
}

func testCarrier(t *testing.T, w *World) {
	port := w.Attach(t, ens4)
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable"))
	for range 2 {
		require.NoError(t, port.Cut(t.Context()))
		require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=no-carrier"))
		out, err := w.Machine.Run(t.Context(), "networkctl", "list", "--no-legend", "ens4")
		require.NoError(t, err)
		assert.Contains(t, out, "no-carrier")

		require.NoError(t, port.Restore(t.Context()))
		require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable"))
		out, err = w.Machine.Run(t.Context(), "networkctl", "list", "--no-legend", "ens4")
		require.NoError(t, err)
		assert.Contains(t, out, "routable")
	}
}

func testUnusualLinks(t *testing.T, w *World) {
	for _, link := range []Link{
		{Name: "ens_i-é+~{}", MAC: "02:00:00:00:05:01"},
		{Name: "ens150", MAC: "02:00:00:00:05:02", Index: 150},
	} {
		w.Attach(t, link)
		require.NoError(t, w.Machine.WaitLink(t.Context(), link.Name, "OPER_STATE=routable"), link.Name)
		index, err := w.Machine.LinkIndex(link.Name)
		require.NoError(t, err)
		if link.Index != 0 {
			assert.Equal(t, link.Index, index)
		}
	}
}

func testRestarts(t *testing.T, w *World) {
	w.Attach(t, ens4)
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable"))

	pid := func(unit string) string {
		out, err := w.Machine.Run(t.Context(), "systemctl", "show", "--property=MainPID", unit)
		require.NoError(t, err)
		return out
	}
	oldBus, oldNetworkd := pid("dbus.service"), pid("systemd-networkd.service")
	_, err := w.Machine.Run(t.Context(), "systemctl", "restart", "dbus.service")
	require.NoError(t, err)
	restartNetworkd(t, w.Machine, "ens4")
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable"))
	assert.NotEqual(t, oldBus, pid("dbus.service"))
	assert.NotEqual(t, oldNetworkd, pid("systemd-networkd.service"))

	_, err = w.Machine.Run(t.Context(), "networkctl", "status", "--no-pager", "ens4")
	assert.NoError(t, err)
	out, err := w.Machine.Run(t.Context(), "systemctl", "is-system-running", "--wait")
	assert.NoError(t, err, out)
}

// restartNetworkd restarts networkd and waits until it has configured link anew.
func restartNetworkd(t *testing.T, m *Machine, link string) {
	t.Helper()
	index, err := m.LinkIndex(link)
	require.NoError(t, err)
	for _, args := range [][]string{
		{"systemctl", "stop", "systemd-networkd.service"},
		// What is there from now on is the new process's word; 252 removes it itself.
		{"rm", "--force", fmt.Sprintf("/run/systemd/netif/links/%d", index)},
		{"systemctl", "start", "systemd-networkd.service"},
	} {
		_, err := m.Run(t.Context(), args...)
		require.NoError(t, err)
	}
	require.NoError(t, m.WaitLink(t.Context(), link, "ADMIN_STATE=configured"))
}

// testUdev restarts networkd both ways: as in a container, and as on a machine
// with udev. Whether it then spares a rule that it does not know differs.
func testUdev(t *testing.T, w *World) {
	spares := map[string]struct{ withoutUdev, withUdev bool }{
		"bullseye": {withoutUdev: true, withUdev: true}, // 247 looks at no foreign rules
		"bookworm": {withoutUdev: true, withUdev: false},
		"trixie":   {withoutUdev: false, withUdev: false},
	}
	require.Contains(t, spares, w.Machine.Suite)
	want := spares[w.Machine.Suite]

	w.Attach(t, ens4)
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	addRule(t, w.Machine)
	restartNetworkd(t, w.Machine, "ens4")
	assert.Equal(t, want.withoutUdev, deleteRule(t, w.Machine), "the rule is spared without udev")

	addRule(t, w.Machine)
	require.NoError(t, w.Machine.FakeUdev(t.Context(), "ens4", "ID_NET_DRIVER=veth"))
	restartNetworkd(t, w.Machine, "ens4")
	assert.Equal(t, want.withUdev, deleteRule(t, w.Machine), "the rule is spared with udev")

	require.NoError(t, w.Machine.RemoveUdev(t.Context()))
	restartNetworkd(t, w.Machine, "ens4")
}

// foreignRule is a rule that networkd did not make.
var foreignRule = []string{"from", "10.77.0.250", "lookup", "12345", "protocol", "110"}

func hasRule(t *testing.T, m *Machine) bool {
	out, err := m.Run(t.Context(), "ip", "rule")
	require.NoError(t, err)
	return strings.Contains(out, "from 10.77.0.250 lookup 12345")
}

// addRule adds the rule while it is waited for.
func addRule(t *testing.T, m *Machine) {
	t.Helper()
	added := make(chan error, 1)
	add := sync.OnceFunc(func() {
		go func() {
			_, err := m.Run(t.Context(), append([]string{"ip", "rule", "add"}, foreignRule...)...)
			added <- err
		}()
	})
	require.NoError(t, m.WaitNet(t.Context(), "the rule", func() (bool, error) {
		defer add() // after the first look has found none
		return hasRule(t, m), nil
	}))
	require.NoError(t, <-added)
}

// deleteRule deletes the rule and reports whether it was there.
func deleteRule(t *testing.T, m *Machine) bool {
	t.Helper()
	if !hasRule(t, m) {
		return false
	}
	_, err := m.Run(t.Context(), append([]string{"ip", "rule", "delete"}, foreignRule...)...)
	require.NoError(t, err)
	return true
}

func testMetadata(t *testing.T, w *World) {
	w.Attach(t, ens4)
	require.NoError(t, w.Machine.WaitLink(t.Context(), "ens4", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	listener, err := w.Segment.ListenMetadata(t.Context())
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(rw, "%s for %s", r.URL.Path, host)
	})}
	go server.Serve(listener)
	defer server.Close()

	out, err := w.Machine.Run(t.Context(), "python3", "-c",
		"import urllib.request as r; print(r.urlopen('http://169.254.169.254/latest/meta-data/').read().decode())")
	require.NoError(t, err)
	assert.Regexp(t, `^/latest/meta-data/ for 10\.77\.0\.1\d\d\n$`, out)
}

// testDispatcher runs networkd-dispatcher, which netbrk is compared with. It
// does not start as long as it has no script.
func testDispatcher(t *testing.T, w *World) {
	const script, ran = "/etc/networkd-dispatcher/routable.d/10-e2e", "/run/e2e-dispatcher"
	require.NoError(t, w.Machine.WriteFile(script, []byte("#!/bin/sh\necho $IFACE $STATE >"+ran+"\n"), 0o755))
	_, err := w.Machine.Run(t.Context(), "systemctl", "start", "networkd-dispatcher.service")
	require.NoError(t, err)
	w.Attach(t, ens4)
	assert.NoError(t, w.Machine.WaitFile(t.Context(), ran, func(content []byte) bool {
		return string(content) == "ens4 routable\n"
	}))
	_, err = w.Machine.Run(t.Context(), "systemctl", "stop", "networkd-dispatcher.service")
	require.NoError(t, err)
	_, err = w.Machine.Run(t.Context(), "rm", script, ran)
	require.NoError(t, err)
}
