//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// TestFaults has those that netbrk listens to and asks killed, hung and restarted
// while a link flaps and addresses change. No event may be lost, rules follow
// addresses, and status says what is wrong for as long as it is.
func TestFaults(t *testing.T) {
	fleet := newFleet(t, RulesConfig)
	fleet.Each(t, func(t *testing.T, w *World) {
		m := multihome(t, w)
		s := on(t, w)
		LogHooks(t, w.Machine)
		s.run("systemctl", "enable", "--now", "netbrk.target")
		require.NoError(t, m.WaitRight(s.ctx))
		s.configured("ens5")
		s.clear()
		for _, f := range faults() {
			t.Run(f.name, func(t *testing.T) { testFault(on(t, w), m, f) })
		}
		t.Run("systemd hung", func(t *testing.T) { testSystemdHung(on(t, w), m) })
		t.Run("resolver hung", func(t *testing.T) { testResolverHung(on(t, w)) })
	})
}

// fault is what befalls the bus or networkd.
type fault struct {
	name string
	// make and undo are typed in a shell; where undo is empty, what status hints at
	// is typed instead.
	make, undo string
	// wrong is what status says meanwhile, and watcher what the watcher's own status
	// line does; both are empty for what passes by itself.
	wrong, watcher string
}

func faults() []fault {
	const kernels = ": states of links are the kernel's"
	return []fault{
		{
			"bus hung", "systemctl kill --signal=STOP dbus.service", "systemctl kill --signal=CONT dbus.service",
			"the system bus does not answer" + kernels + ", and targets do not follow them; a restart of the bus ends the sessions of a desktop: reboot there", "the system bus does not answer",
		},
		{
			"networkd hung", "systemctl kill --signal=STOP systemd-networkd.service", "systemctl kill --signal=CONT systemd-networkd.service",
			"systemd-networkd does not answer" + kernels, "systemd-networkd does not answer",
		},
		// dbus.socket starts the next one; networkd does not come back to it by itself.
		{"bus killed", "systemctl kill --signal=KILL dbus.service", "", "systemd-networkd has lost the bus" + kernels, "systemd-networkd is not on the bus"},
		{"networkd killed", "systemctl kill --signal=KILL systemd-networkd.service", ":", "", ""},
		{"bus hung, and the hint typed at once", "systemctl kill --signal=STOP dbus.service; systemctl restart dbus.service systemd-networkd.service", ":", "", ""},
	}
}

func testFault(s script, m *Multihomed, f fault) {
	pid := s.property("netbrk-watch", "MainPID")
	s.run("sh", "-c", f.make)
	mended := false
	mend := func(command string) {
		mended = true
		s.run("sh", "-c", command)
	}
	s.Cleanup(func() {
		if !mended {
			_, err := s.Machine.Run(context.Background(), "systemctl", "restart", "dbus.service", "systemd-networkd.service")
			assert.NoError(s, err)
		}
	})

	// ens5 is networkd's, and pol0 nobody's.
	port := m.Ports["ens5"]
	s.next("no-carrier.d", "ens5", func() { require.NoError(s, port.Cut(s.ctx)) })
	if f.watcher != "" {
		s.watcherSays("states from the kernel (" + f.watcher + ")")
	}
	s.next("routable.d", "ens5", func() { require.NoError(s, port.Restore(s.ctx)) })
	s.next("addresses.d", "pol0", s.ip("address add 10.78.0.10/24 dev pol0"))
	require.NoError(s, s.Machine.WaitNet(s.ctx, "rules of both addresses", func() (bool, error) {
		state, err := s.Machine.NetState()
		if err != nil {
			return false, err
		}
		if lacking := state.LackingPolicy("ens5", "pol0"); len(lacking) > 0 {
			return false, errors.New(strings.Join(lacking, "; "))
		}
		return true, nil
	}))
	hint := ""
	if f.wrong != "" {
		var doc report.Status
		doc, hint = s.boundedStatus(f.wrong)
		assert.NotEmpty(s, hint)
		assert.NotEmpty(s, doc.Links, "and the rest is shown")
	}
	if f.undo != "" {
		hint = f.undo
	}
	s.next("addresses.d", "pol0", s.ip("address delete 10.78.0.10/24 dev pol0"))
	s.Logf("mending it by %q", hint)
	mend(hint)

	s.watcherSays("states from systemd-networkd")
	require.NoError(s, s.Machine.WaitLink(s.ctx, "ens5", "OPER_STATE=routable", "ADMIN_STATE=configured"))
	require.NoError(s, m.WaitRight(s.ctx))
	s.last("ens5", "routable", "configured")
	s.active("ens5", "configured routable")
	s.idle()
	s.unbroken("ens5")
	assert.Equal(s, pid, s.property("netbrk-watch", "MainPID"), "the watcher lived through it")
	assert.Equal(s, "0", s.property("netbrk-watch", "NRestarts"))
	assert.Empty(s, s.wrong(0))
	s.clear()
}

// watcherSays waits until the watcher's status line has a text.
func (s script) watcherSays(text string) {
	s.Helper()
	_, err := s.Machine.Run(s.ctx, "sh", "-c", `until systemctl show --value --property=StatusText netbrk-watch.service | grep -qF "$1"; do sleep 0.1; done`, "-", text)
	require.NoError(s, err, "%q, and not %q", s.property("netbrk-watch.service", "StatusText"), text)
}

// boundedStatus is what root is told while somebody hangs, and what the reason hints
// at. It must not hang along.
func (s script) boundedStatus(wrong string) (doc report.Status, hint string) {
	s.Helper()
	out, err := s.Machine.Run(s.ctx, "timeout", "--signal=KILL", "10", "netbrk", "status", "--json")
	var exit *exec.ExitError
	require.ErrorAs(s, err, &exit)
	require.Equal(s, 3, exit.ExitCode(), out)
	require.NoError(s, json.Unmarshal([]byte(out), &doc), out)
	require.Len(s, doc.Health.Reasons, 1)
	assert.Equal(s, wrong, doc.Health.Reasons[0].What)
	return doc, doc.Health.Reasons[0].Hint
}

// words are those that scripts had last of a link that was routable and configured
// when their log began.
func words(runs []Ran, link string) map[hostnet.Property]string {
	last := map[hostnet.Property]string{hostnet.OperationalState: "routable", hostnet.AdministrativeState: "configured"}
	for _, r := range runs {
		if p, ok := hostnet.PropertyOf(r.Env["STATE"]); ok && r.Env["LINK"] == link {
			last[p] = r.Env["STATE"]
		}
	}
	return last
}

// last waits until the words that scripts had last of a link are these.
func (s script) last(link, operational, administrative string) {
	s.Helper()
	s.runs(func(runs []Ran) bool {
		last := words(runs, link)
		return last[hostnet.OperationalState] == operational && last[hostnet.AdministrativeState] == administrative
	})
}

// unbroken looks at whether each transition of a link begins where the one before it
// ended, and comes after it, and whether the last leads to what networkd says.
func (s script) unbroken(link string) {
	s.Helper()
	runs := s.ran()
	seq := 0
	for i, r := range runs {
		p, ok := hostnet.PropertyOf(r.Env["STATE"])
		if !ok || r.Env["LINK"] != link {
			continue
		}
		assert.Equal(s, words(runs[:i], link)[p], r.Env["PREVIOUS_STATE"], r.String())
		n, err := strconv.Atoi(r.Env["SEQNUM"])
		require.NoError(s, err)
		assert.Greater(s, n, seq, r.String())
		seq = n
	}
	last := words(runs, link)
	assert.NoError(s, s.Machine.WaitLink(s.ctx, link, "OPER_STATE="+last[hostnet.OperationalState], "ADMIN_STATE="+last[hostnet.AdministrativeState]))
}

// testSystemdHung stops process 1. Nobody starts a unit then, and whoever runs
// netbrk by hand is not kept.
func testSystemdHung(s script, m *Multihomed) {
	s.clear()
	require.NoError(s, unix.Kill(s.Machine.Leader(), unix.SIGSTOP))
	hung := true
	goOn := func() {
		if hung {
			hung = false
			assert.NoError(s, unix.Kill(s.Machine.Leader(), unix.SIGCONT))
		}
	}
	s.Cleanup(goOn)
	// More than its notification socket holds (net.unix.max_dgram_qlen) of status lines:
	// the watcher must not wait for room there.
	s.run("sh", "-ec", `for i in $(seq 40); do ip link add noise$i type veth peer name noisy$i; ip link delete noise$i; done`)
	require.NoError(s, m.Ports["ens5"].Cut(s.ctx))
	require.NoError(s, s.Machine.WaitLink(s.ctx, "ens5", "OPER_STATE=no-carrier"))
	index, err := s.Machine.LinkIndex("ens5")
	require.NoError(s, err)
	s.run("sh", "-c", fmt.Sprintf("until ls /run/netbrk/events | grep -q state-%d.json; do sleep 0.1; done", index))
	out := s.run("sh", "-c", "timeout --signal=KILL 30 netbrk run-hooks 2>&1; echo status $?")
	assert.Contains(s, out, "targets do not follow their links")
	assert.Contains(s, out, "status 3", "and the next run makes them")
	assert.Contains(s, out, "systemd does not answer")
	s.has("no-carrier.d", "ens5")
	out, _ = s.Machine.Run(s.ctx, "timeout", "--signal=KILL", "10", "netbrk", "status")
	assert.Contains(s, out, "systemd does not answer")
	goOn()
	s.active("ens5", "configured no-carrier")
	require.NoError(s, m.Ports["ens5"].Restore(s.ctx))
	s.last("ens5", "routable", "configured")
	s.active("ens5", "configured routable")
	s.idle()
	s.unbroken("ens5")
	assert.Empty(s, s.wrong(0))
	s.clear()
}

// hungLease is a lease of dhclient's for the address that pol0 has.
const hungLease = `lease {
  interface "pol0";
  fixed-address 10.78.0.9;
  option subnet-mask 255.255.255.0;
  option domain-name-servers 10.78.0.1;
  option domain-name "leased.example";
  expire never;
}
`

// testResolverHung stops who is told of dhclient's leases. The scripts run, and the
// exit status says that somebody was not told.
func testResolverHung(s script) {
	const dir = "/run/netbrk-hung"
	const config = "[System]\nGenerator = \"dhclient\"\n[Network]\nUseDNS = true\nUseDomain = true\n"
	for name, text := range map[string]string{"netbrk.toml": config, "leases": hungLease} {
		require.NoError(s, s.Machine.WriteFile(dir+"/"+name, []byte(text), 0o644))
	}
	s.run("systemctl", "restart", "systemd-resolved.service") // it lost the bus as networkd did
	s.run("systemctl", "kill", "--signal=STOP", "systemd-resolved.service")
	s.Cleanup(func() {
		_, err := s.Machine.Run(context.Background(), "sh", "-c", "systemctl kill --signal=CONT systemd-resolved.service; rm -rf "+dir)
		assert.NoError(s, err)
	})
	out := s.run("sh", "-c",
		fmt.Sprintf("timeout --signal=KILL 40 netbrk --config=%[1]s/netbrk.toml --state-dir=%[1]s/state run-hooks --generator dhclient --lease-file %[1]s/leases 2>&1; echo status $?", dir))
	assert.Equal(s, 1, strings.Count(out, "systemd-resolved does not answer"), out)
	assert.Contains(s, out, "status 3")
	s.has("leases.d", "pol0")
	s.clear()
}
