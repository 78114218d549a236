//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestRules is policy routing of links of every shape, installed and enabled as
// by its owner. The subtests share a machine; each has links of its own.
func TestRules(t *testing.T) {
	fleet := newFleet(t, RulesConfig)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *World)
	}{
		{"enable", testEnableRules},
		{"privileges", testRulesPrivileges},
		{"shapes", testShapes},
		{"many addresses", testManyAddresses},
		{"enslaved", testEnslaved},
		{"containers", testContainers},
		{"contention", testContention},
		{"hostile spool", testHostileRulesSpool},
		{"journal", testJournal},
		{"uninstall", testUninstall},
	} {
		t.Run(test.name, func(t *testing.T) { fleet.Each(t, test.run) })
	}
}

func testEnableRules(t *testing.T, w *World) {
	s := on(t, w)
	s.run("systemd-sysusers")
	s.run("systemd-tmpfiles", "--create")
	s.run("systemctl", "enable", "--now", "netbrk.target")
	for _, unit := range []string{"netbrk-watch.service", "netbrk-rules.path", "netbrk-rules.timer"} {
		assert.Equal(t, "active", s.run("systemctl", "is-active", unit))
	}
}

// right waits until the links have what follows from their addresses, and
// nothing of netbrk's is there for any other.
func (s script) right(links ...string) NetState {
	s.Helper()
	var state NetState
	require.NoError(s, s.Machine.WaitNet(s.ctx, "rules and routes", func() (ok bool, err error) {
		if state, err = s.Machine.NetState(); err != nil {
			return false, err
		}
		for _, link := range links {
			if len(state.Addresses(link)) == 0 {
				return false, fmt.Errorf("%q has no address", link)
			}
		}
		if lacking := state.LackingPolicy(links...); len(lacking) > 0 {
			return false, fmt.Errorf("not there: %s", strings.Join(lacking, "; "))
		}
		return true, nil
	}))
	return state
}

// static plugs a link in that networkd does not manage, and gives it an address.
func (s script) static(link Link, address string) {
	s.Helper()
	s.Attach(s.T, link)
	s.run("ip", "link", "set", link.Name, "addrgenmode", "none", "up")
	s.run("ip", "address", "add", address, "dev", link.Name)
}

// rulesIdle waits until no rules are worked on.
func (s script) rulesIdle() {
	s.Helper()
	require.NoError(s, Modes()[0].Idle(s.ctx, s.Machine))
}

// defaults returns the default routes of a link's own table.
func defaults(state NetState, link string) []hostnet.Route {
	var found []hostnet.Route
	for _, r := range state.Routes {
		if r.Table == RouteTableBase+uint32(state.Index(link)) && r.IsDefault() {
			found = append(found, r)
		}
	}
	return found
}

func testRulesPrivileges(t *testing.T, w *World) {
	s := on(t, w)
	assert.Equal(t, "root 755", s.run("stat", "--format=%U %a", "/run/netbrk/rules"))
	s.rulesIdle()
	s.run("setpriv", "--reuid=netbrk", "--regid=netbrk", "--clear-groups", "touch", "/run/netbrk/rules-pending/1")
	s.onlyNetAdmin("netbrk-rules.service")
	s.rulesIdle()
}

// testShapes has networkd configure links with gateways where one would not look
// for them. VRF members are left to the planner's tests: the kernels that these
// tests run on need not have VRFs.
func testShapes(t *testing.T, w *World) {
	gateway := w.Segment.Address.Addr()
	for i, test := range []struct {
		name, network, address string
		onLink                 bool
		gateways               int
	}{
		{name: "subnet", network: "[Network]\nAddress=10.77.0.50/24\nGateway=10.77.0.1\n", address: "10.77.0.50", gateways: 1},
		{
			name: "gateway outside the subnet", onLink: true, gateways: 1, address: "10.79.0.5",
			network: "[Network]\nAddress=10.79.0.5/32\n\n[Route]\nGateway=10.77.0.1\nGatewayOnLink=yes\n",
		},
		{name: "no gateway", network: "[Network]\nAddress=10.77.0.51/24\n", address: "10.77.0.51"},
		{name: "point to point", network: "[Address]\nAddress=10.80.0.1/32\nPeer=10.80.0.2/32\n", address: "10.80.0.1"},
		{
			name: "host prefix and routes", address: "10.77.0.52",
			network: "[Network]\nAddress=10.77.0.52/32\n\n[Route]\nDestination=10.77.0.1/32\nScope=link\n\n" +
				"[Route]\nDestination=203.0.113.0/24\nGateway=10.77.0.1\nGatewayOnLink=yes\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := on(t, w)
			name := fmt.Sprintf("pol%d", i+1)
			s.network("10-"+name+".network", "[Match]\nName="+name+"\n\n[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n\n"+test.network)
			s.Attach(t, Link{Name: name, MAC: fmt.Sprintf("02:00:00:00:31:%02d", i)})
			require.NoError(t, w.Machine.WaitLink(s.ctx, name, "ADMIN_STATE=configured"))
			state := s.right(name)
			assert.Equal(t, test.address, state.Addresses(name)[0].String())
			found := defaults(state, name)
			require.Len(t, found, test.gateways)
			if test.gateways > 0 {
				assert.Equal(t, gateway, found[0].Gateway)
				assert.Equal(t, test.onLink, strings.Contains(s.run("ip", "route", "show", "default", "table", fmt.Sprint(found[0].Table)), "onlink"))
				_, err := w.Lab.Run(s.ctx, "ip", "route", "replace", test.address, "dev", w.Segment.Bridge)
				require.NoError(t, err)
				assert.NoError(t, w.Ping(s.ctx, gateway, state.Addresses(name)[0]))
			}
		})
	}
}

func testManyAddresses(t *testing.T, w *World) {
	s := on(t, w)
	const count = 200
	s.static(Link{Name: "pol0", MAC: "02:00:00:00:32:01"}, "10.81.0.1/24")
	var batch strings.Builder
	for i := range count - 1 {
		fmt.Fprintf(&batch, "address add 10.81.0.%d/24 dev pol0\n", i+2)
	}
	require.NoError(t, w.Machine.WriteFile("/run/addresses", []byte(batch.String()), 0o644))
	s.run("ip", "-batch", "/run/addresses")
	state := s.right("pol0")
	assert.Len(t, state.Addresses("pol0"), count)
	s.run("ip", "address", "flush", "dev", "pol0")
	s.right()
}

// testEnslaved gives an address to a bridge and to its port: the port's traffic
// is the bridge's business.
func testEnslaved(t *testing.T, w *World) {
	s := on(t, w)
	s.static(Link{Name: "pol0", MAC: "02:00:00:00:33:01"}, "10.82.0.5/24")
	s.right("pol0")
	s.run("ip", "link", "add", "polbr0", "type", "bridge")
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "ip", "link", "delete", "polbr0")
		assert.NoError(t, err)
	})
	s.run("ip", "link", "set", "polbr0", "addrgenmode", "none", "up")
	s.run("ip", "address", "add", "10.83.0.5/24", "dev", "polbr0")
	s.run("ip", "link", "set", "pol0", "master", "polbr0")
	s.right("polbr0")
	s.run("ip", "link", "set", "pol0", "nomaster")
	s.right("polbr0", "pol0")
}

// testContainers puts a container behind a bridge of the host, as Docker does
// but for its address translation: the lab knows the way back.
func testContainers(t *testing.T, w *World) {
	s := on(t, w)
	s.static(Link{Name: "pol0", MAC: "02:00:00:00:34:01"}, "10.77.0.70/24")
	s.ip("route add default via 10.77.0.1 dev pol0")()
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "sh", "-c", "ip netns delete box; ip link delete docker0")
		assert.NoError(t, err)
		_, err = w.Lab.Run(context.Background(), "ip", "route", "delete", "172.30.0.0/24")
		assert.NoError(t, err)
	})
	for _, args := range []string{
		"link add docker0 type bridge", "address add 172.30.0.1/24 dev docker0", "link set docker0 up",
		"netns add box", "link add vbox type veth peer name eth0 netns box",
		"link set vbox master docker0 up", "-n box link set eth0 up", "-n box link set lo up",
		"-n box address add 172.30.0.2/24 dev eth0", "-n box route add default via 172.30.0.1",
	} {
		s.ip(args)()
	}
	s.run("sysctl", "--write", "net.ipv4.ip_forward=1")
	outside := Outside(hostnet.IPv4).String()
	for _, args := range [][]string{
		{"ip", "address", "replace", outside, "dev", "lo"},
		{"ip", "route", "replace", "172.30.0.0/24", "via", "10.77.0.70"},
	} {
		_, err := w.Lab.Run(s.ctx, args...)
		require.NoError(t, err)
	}
	s.right("pol0")
	for _, test := range []struct{ name, from, command string }{
		{"container to managed address", "box", "ping -n -c 1 -W 5 10.77.0.70"},
		{"container to the way out", "box", "ping -n -c 1 -W 5 " + outside},
		{"managed address to container", "", "ping -n -c 1 -W 5 -I 10.77.0.70 172.30.0.2"},
	} {
		args := strings.Fields(test.command)
		if test.from != "" {
			args = append([]string{"ip", "netns", "exec", test.from}, args...)
		}
		_, err := w.Machine.Run(s.ctx, args...)
		assert.NoError(t, err, test.name)
	}
}

// contended is what the ledger says of the address that testContention is about.
var contended = regexp.MustCompile(`"contended":\[[^]]*10\.77\.0\.80`)

// testContention has somebody remove a rule whenever it is there.
func testContention(t *testing.T, w *World) {
	s := on(t, w)
	s.static(Link{Name: "pol0", MAC: "02:00:00:00:35:01"}, "10.77.0.80/24")
	s.right("pol0")
	index, err := w.Machine.LinkIndex("pol0")
	require.NoError(t, err)
	trace, err := w.Machine.Trace()
	require.NoError(t, err)
	from := len(trace.Notices())
	const remove = "ip rule delete priority 30002 from 10.77.0.80"
	enemy, err := w.Machine.Start("sh", "-c", `ip monitor rule | while read -r number rest; do
		[ "$number $rest" = "${rest#from 10.77.0.80}" ] || case $number in 30002:) `+remove+`; echo removed ;; esac
	done`)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, enemy.Stop()) })
	// Until the monitor listens, what is removed stays removed no longer than
	// netbrk takes.
	_, err = w.Machine.Run(s.ctx, "sh", "-c", "until pgrep -x ip >/dev/null; do sleep 0.05; done; "+remove)
	require.NoError(t, err)
	_, err = enemy.Line(s.ctx, regexp.MustCompile("^removed$"))
	require.NoError(t, err)

	ledger := fmt.Sprintf("/run/netbrk/rules/%d.json", index)
	require.NoError(t, w.Machine.WaitFile(s.ctx, ledger, func(content []byte) bool {
		return contended.Match(content) && bytes.Contains(content, []byte(`"retry_at":"`))
	}))
	require.NoError(t, enemy.Stop())
	added := 0
	for _, n := range trace.Own(from) {
		if n.Kind == unix.RTM_NEWRULE {
			added++
		}
	}
	require.NoError(t, trace.Close())
	assert.Less(t, added, 20, "it backs off")
	s.right("pol0")
}

// testHostileRulesSpool is a compromised watcher: what its user can put there
// makes apply-rules look, and no more.
func testHostileRulesSpool(t *testing.T, w *World) {
	s := on(t, w)
	s.static(Link{Name: "pol0", MAC: "02:00:00:00:36:01"}, "10.77.0.81/24")
	s.right("pol0")
	s.rulesIdle()
	plant := `cd /run/netbrk/rules-pending
ln -s /etc/shadow 1
mkfifo 2
mkdir -p 3/deep && ln -s /etc 3/deep/etc
head -c 1000000 /dev/zero > 4
echo 'rubbish' > 'a b; touch x'
touch -- 99999999999999999999 -1 ../rules-pending/0
`
	s.run("setpriv", "--reuid=netbrk", "--regid=netbrk", "--clear-groups", "sh", "-c", plant)
	// The directory stays: who may not write to it cannot empty it.
	s.run("ip", "rule", "delete", "priority", "30002", "from", "10.77.0.81")
	s.right("pol0")
	s.run("rm", "-rf", "/run/netbrk/rules-pending/3")
	s.rulesIdle()
	s.run("test", "-s", "/etc/shadow")
	s.run("test", "-d", "/etc/systemd")
	assert.Equal(t, "active", s.run("systemctl", "is-active", "netbrk-rules.path"))
}

// testJournal looks at what the tests so far have left in the journal.
func testJournal(t *testing.T, w *World) {
	s := on(t, w)
	s.right()
	s.rulesIdle()
	assert.Empty(t, s.run("systemctl", "--failed", "--plain", "--no-legend"))
	assert.Equal(t, "success", s.property("netbrk-rules.service", "Result"))
	assert.Equal(t, "0", s.property("netbrk-watch.service", "NRestarts"))
	journal, err := w.Machine.Journal(s.ctx, "netbrk-rules.service")
	require.NoError(t, err)
	// Its sandbox leaves it the stream alone, on which a line still has a priority.
	assert.Empty(t, s.run("journalctl", "--boot", "--quiet", "--output=cat", "--priority=err", "--unit=netbrk-rules.service"))
	assert.NotContains(t, journal, "panic")
}

// testUninstall runs what make uninstall runs, inside.
func testUninstall(t *testing.T, w *World) {
	s := on(t, w)
	s.static(Link{Name: "pol0", MAC: "02:00:00:00:37:01"}, "10.77.0.82/24")
	s.right("pol0")
	addForeign(s)
	before, err := w.Machine.NetState()
	require.NoError(t, err)
	s.active("pol0", "routable unmanaged")

	recipe, err := runMake(s.ctx, "--just-print", "uninstall", "DESTDIR=", "PREFIX=/usr")
	require.NoError(t, err)
	// It compares netbrk.toml with the one that was installed.
	require.NoError(t, w.Machine.CopyIn("../config/netbrk.toml", "/root/netbrk/internal/config/netbrk.toml"))
	s.run("bash", "-c", "cd /root/netbrk && "+recipe)

	checkForeign(s, before, assertNoneOwn(s), false)
	assert.Empty(t, s.targets("pol0"))
	assert.Empty(t, s.run("sh", "-c", "ls -d /usr/bin/netbrk /usr/lib/systemd/system/netbrk* /run/netbrk /etc/systemd/system/*/netbrk* 2>/dev/null || :"))
	assert.Empty(t, s.run("systemctl", "--failed", "--plain", "--no-legend"))
}
