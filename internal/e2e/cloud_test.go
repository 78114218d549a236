//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// cloudConfig names the cloud: the machine's DMI is that of the host.
const cloudConfig = `[Cloud]
Provider = "aws"
`

// TestCloud is an instance of EC2 with two NICs in one subnet, whose service asks
// for session tokens. Its tests follow one another.
func TestCloud(t *testing.T) {
	fleet := newFleet(t, prepareCloud)
	fleet.Each(t, func(t *testing.T, w *World) {
		c := newEC2(t, w)
		for _, test := range []struct {
			name string
			run  func(cloudScript)
		}{
			{"first sync", testFirstSync},
			{"privileges", testCloudPrivileges},
			{"nothing to do", testNothingToDo},
			{"by hand", testCloudByHand},
			{"shown", testCloudShown},
			{"credentials", testCloudCredentials},
			{"reconfigured", testReconfigured},
			{"lease renewed", testRenewed},
			{"address withdrawn", testWithdrawn},
			{"NIC attached", testAttached},
			{"timer", testCloudTimer},
			{"service away", testServiceAway},
			{"another instance", testOtherInstance},
			{"journal", testCloudJournal},
		} {
			if !t.Run(test.name, func(t *testing.T) { test.run(cloudScript{on(t, w), c}) }) {
				break // what follows builds on it
			}
		}
	})
}

func prepareCloud(ctx context.Context, m *Machine) error {
	if err := Install(ctx, m); err != nil {
		return err
	}
	return m.WriteFile("/etc/netbrk/netbrk.toml.d/50-cloud.toml", []byte(cloudConfig), 0o644)
}

// ec2 is what is around the instance.
type ec2 struct {
	metadata *imdstest.Server
	ports    map[string]*Port
}

// cloudScript is an instance that a test types commands into.
type cloudScript struct {
	script
	*ec2
}

// cloudNIC is the NIC of that number, called ens4 and so on. The first address is
// DHCP's.
func cloudNIC(n int, addresses ...string) hostnet.NIC {
	nic := hostnet.NIC{
		MAC: fmt.Sprintf("02:00:00:00:40:%02d", n), ID: fmt.Sprintf("eni-%d", n), Primary: n == 0, Device: n,
		Subnets: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")},
	}
	for _, a := range addresses {
		nic.Addresses = append(nic.Addresses, hostnet.CloudAddress{Addr: netip.MustParseAddr(a), Bits: 24})
	}
	return nic
}

// newEC2 plugs the NICs in for the time of the test.
func newEC2(t *testing.T, w *World) *ec2 {
	t.Helper()
	s := on(t, w)
	c := &ec2{
		metadata: imdstest.New("aws", hostnet.Metadata{
			System: hostnet.System{Provider: "aws", InstanceID: "i-0001", Region: "r-1", Zone: "r-1a", Account: "123456789012", Type: "small"},
			NICs: []hostnet.NIC{
				cloudNIC(0, "10.77.0.10", "10.77.0.11"),
				cloudNIC(1, "10.77.0.20", "10.77.0.21", "10.77.0.22"),
			},
		}),
		ports: map[string]*Port{},
	}
	listener, err := w.Segment.ListenMetadata(s.ctx)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	go func() { _ = c.metadata.Serve(listener) }() // until it is closed

	require.NoError(t, w.DHCP.Stop())
	hosts := map[string]netip.Addr{}
	for n := range 3 {
		hosts[cloudNIC(n).MAC] = netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + 10*n)})
	}
	w.DHCP, err = w.Segment.ServeDHCP(s.ctx, DHCP{
		First: netip.MustParseAddr("10.77.0.100"), Last: netip.MustParseAddr("10.77.0.199"), Lease: time.Hour, Hosts: hosts,
	})
	require.NoError(t, err)
	s.run("systemd-sysusers")
	s.run("systemd-tmpfiles", "--create")
	t.Cleanup(func() {
		_, err := w.Machine.Run(context.Background(), "sh", "-c", "systemctl disable --now netbrk.target; "+
			"systemctl stop 'netbrk-*'; netbrk cloud-sync --flush")
		assert.NoError(t, err)
	})
	for n := range 2 {
		cloudScript{s, c}.attach(t, n)
	}
	return c
}

// attach plugs in the NIC of that number, until t ends.
func (s cloudScript) attach(t *testing.T, n int) {
	t.Helper()
	link := Link{Name: fmt.Sprintf("ens%d", 4+n), MAC: cloudNIC(n).MAC}
	s.ports[link.Name] = s.Attach(t, link)
	require.NoError(t, s.Machine.WaitLink(s.ctx, link.Name, "OPER_STATE=routable", "ADMIN_STATE=configured"))
}

// cloudIdle waits until neither addresses nor rules are worked on.
func (s cloudScript) cloudIdle() {
	s.Helper()
	s.run("sh", "-c", `until [ "$(systemctl is-active netbrk-cloud-sync.service)" = inactive ] && [ -z "$(ls /run/netbrk/cloud-pending)" ]; do sleep 0.1; done`)
	s.rulesIdle()
}

// sync asks the metadata as the timer does.
func (s cloudScript) sync() {
	s.Helper()
	s.cloudIdle()
	s.run("systemctl", "start", "netbrk-cloud-sync.service")
	assert.Equal(s, "success", s.property("netbrk-cloud-sync.service", "Result"))
}

// hasAddresses waits until a link has these of 10.77.0.0/24 and no others, and ens5
// and those after it what follows from theirs.
func (s cloudScript) hasAddresses(link string, last ...int) NetState {
	s.Helper()
	var want []netip.Addr
	for _, b := range last {
		want = append(want, netip.AddrFrom4([4]byte{10, 77, 0, byte(b)}))
	}
	var state NetState
	require.NoError(s, s.Machine.WaitNet(s.ctx, "addresses of "+link, func() (ok bool, err error) {
		if state, err = s.Machine.NetState(); err != nil {
			return false, err
		}
		found := slices.SortedFunc(slices.Values(state.Addresses(link)), netip.Addr.Compare)
		lacking := state.LackingPolicy(s.secondary()...)
		if !slices.Equal(want, found) || len(lacking) > 0 {
			return false, fmt.Errorf("addresses: %v; not there: %s", found, strings.Join(lacking, "; "))
		}
		return true, nil
	}))
	return state
}

// secondary are the NICs that get a table.
func (s cloudScript) secondary() []string {
	var links []string
	for link := range s.ports {
		if link != "ens4" {
			links = append(links, link)
		}
	}
	return links
}

func testFirstSync(s cloudScript) {
	s.run("systemctl", "enable", "--now", "netbrk.target")
	// Nobody but the generator has them started, and it by what the file says.
	assert.Equal(s, "active\nactive", s.run("systemctl", "is-active", "netbrk-cloud-sync.timer", "netbrk-cloud-sync.path"))
	s.hasAddresses("ens4", 10, 11)
	state := s.hasAddresses("ens5", 20, 21, 22)
	for _, a := range state.Addrs[state.Index("ens5")] {
		if a.Prefix.Addr().Is4() && a.Prefix.Addr() != netip.MustParseAddr("10.77.0.20") {
			assert.True(s, a.Prefix.IsSingleIP(), a.Prefix)
		}
	}
	// A secondary address of the NIC that does not have the default route answers
	// by its own: the table is that of apply-rules.
	assert.Contains(s, s.run("ip", "route", "get", "192.0.2.1", "from", "10.77.0.21"), "dev ens5 table ")
	assert.Contains(s, s.run("ip", "route", "get", "10.77.0.1"), " src 10.77.0.10 ", "a secondary address is nobody's source")
	s.cloudIdle()
	assert.Contains(s, string(s.state("cloud/system.json")), `"i-0001"`)
	assert.Equal(s, string(imdstest.IdentityDocument(hostnet.System{
		InstanceID: "i-0001", Region: "r-1", Zone: "r-1a", Account: "123456789012", Type: "small",
	})), string(s.state("cloud/provider/ec2/document")))
}

// state reads a file of netbrk's.
func (s cloudScript) state(name string) []byte {
	s.Helper()
	content, err := s.Machine.ReadFile("/run/netbrk/" + name)
	require.NoError(s, err)
	return content
}

// testCloudPrivileges lets the service hang, to have a look at its process.
func testCloudPrivileges(s cloudScript) {
	s.cloudIdle()
	s.Cleanup(func() { s.metadata.Script() })
	s.metadata.Script(imdstest.Fault{Path: "*", Kind: imdstest.Hang})
	s.run("systemctl", "start", "--no-block", "netbrk-cloud-sync.service")
	s.onlyNetAdmin("netbrk-cloud-sync.service")
	s.metadata.Script()
	s.run("systemctl", "restart", "netbrk-cloud-sync.service")
	s.cloudIdle()
}

// still runs something that must change nothing of netbrk's.
func (s cloudScript) still(f func()) {
	s.Helper()
	before, err := s.Machine.NetState()
	require.NoError(s, err)
	trace, err := s.Machine.Trace()
	require.NoError(s, err)
	from := len(trace.Notices())
	f()
	s.cloudIdle()
	require.NoError(s, trace.Close())
	assert.Empty(s, trace.Own(from), "of netbrk's rules and routes")
	after, err := s.Machine.NetState()
	require.NoError(s, err)
	for _, link := range []string{"ens4", "ens5"} {
		assert.ElementsMatch(s, before.Addresses(link), after.Addresses(link))
	}
}

func testNothingToDo(s cloudScript) {
	before := s.state("cloud/links/" + s.index("ens5") + ".json")
	s.still(s.sync)
	assert.Equal(s, before, s.state("cloud/links/"+s.index("ens5")+".json"))
	assert.Empty(s, s.run("netbrk", "cloud-sync", "--dry-run"))
}

func (s cloudScript) index(link string) string {
	s.Helper()
	index, err := s.Machine.LinkIndex(link)
	require.NoError(s, err)
	return fmt.Sprint(index)
}

// leased does something that has networkd ask for a lease of ens5.
func (s cloudScript) leased(do ...string) {
	s.Helper()
	s.DHCP.Skip()
	s.run(do...)
	_, err := s.DHCP.Line(s.ctx, regexp.MustCompile(`DHCPACK\(\S+\) \S+ `+s.ports["ens5"].Link.MAC))
	require.NoError(s, err)
}

// testReconfigured has networkd flush all that is foreign. The addresses come
// back from what is known, whether the service answers or not.
func testReconfigured(s cloudScript) {
	s.run("systemctl", "stop", "netbrk-cloud-sync.timer")
	s.cloudIdle()
	s.metadata.Forget()
	trace, err := s.Machine.Trace()
	require.NoError(s, err)
	from := len(trace.Notices())
	s.leased("networkctl", "reconfigure", "ens5")
	s.hasAddresses("ens5", 20, 21, 22)
	s.rulesIdle()
	require.NoError(s, trace.Close())
	assert.NotEmpty(s, trace.Own(from), "networkd has flushed nothing")
	assert.Empty(s, s.metadata.Requests())
	s.hasAddresses("ens4", 10, 11)
	s.run("systemctl", "start", "netbrk-cloud-sync.timer")
	s.cloudIdle()
}

func testRenewed(s cloudScript) {
	s.still(func() { s.leased("networkctl", "renew", "ens5") })
}

func testWithdrawn(s cloudScript) {
	s.metadata.Change(func(told *hostnet.Metadata) {
		told.NICs[1].Addresses = slices.DeleteFunc(told.NICs[1].Addresses, func(a hostnet.CloudAddress) bool {
			return a.Addr == netip.MustParseAddr("10.77.0.22")
		})
	})
	s.sync()
	s.hasAddresses("ens5", 20, 21)
	s.hasAddresses("ens4", 10, 11)
}

// testAttached plugs a NIC in, for the time of the test: that the watcher sees it
// is all that it takes.
func testAttached(s cloudScript) {
	s.run("systemctl", "stop", "netbrk-cloud-sync.timer")
	s.cloudIdle()
	s.metadata.Change(func(told *hostnet.Metadata) { told.NICs = append(told.NICs, cloudNIC(2, "10.77.0.30", "10.77.0.31")) })
	s.Run("plugged in", func(t *testing.T) {
		plugged := cloudScript{script{t, s.World, s.ctx}, s.ec2}
		plugged.attach(t, 2)
		plugged.hasAddresses("ens6", 30, 31)
		plugged.cloudIdle()
		assert.Len(t, strings.Fields(plugged.run("ls", "/run/netbrk/cloud/links")), 3)
		s.metadata.Change(func(told *hostnet.Metadata) { told.NICs = told.NICs[:2] })
	})
	delete(s.ports, "ens6")
	s.sync()
	s.hasAddresses("ens5", 20, 21)
	assert.Len(s, strings.Fields(s.run("ls", "/run/netbrk/cloud/links")), 2)
	s.run("systemctl", "start", "netbrk-cloud-sync.timer")
	s.cloudIdle()
}

// testCloudTimer lets the timer run often.
func testCloudTimer(s cloudScript) {
	const dropIn = "/run/systemd/system/netbrk-cloud-sync.timer.d/often.conf"
	require.NoError(s, s.Machine.WriteFile(dropIn, []byte("[Timer]\nOnUnitInactiveSec=\nOnUnitInactiveSec=100ms\nRandomizedDelaySec=0\nAccuracySec=1ms\n"), 0o644))
	s.cloudIdle()
	s.metadata.Change(func(told *hostnet.Metadata) {
		told.NICs[1].Addresses = append(told.NICs[1].Addresses, cloudNIC(1, "10.77.0.23").Addresses...)
	})
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "netbrk-cloud-sync.timer")
	s.hasAddresses("ens5", 20, 21, 23)
	s.run("rm", dropIn)
	s.run("systemctl", "daemon-reload")
	s.run("systemctl", "restart", "netbrk-cloud-sync.timer")
	s.cloudIdle()
}

// testServiceAway has the service refuse: all stays as it is.
func testServiceAway(s cloudScript) {
	s.Cleanup(func() { s.metadata.Script() })
	s.metadata.Script(imdstest.Fault{Path: "*", Kind: imdstest.Forbidden})
	s.still(func() {
		_, err := s.Machine.Run(s.ctx, "netbrk", "cloud-sync")
		assert.ErrorContains(s, err, "exit status 1: netbrk: ")
	})
	assert.True(s, json.Valid(s.state("cloud/sync.json")))
	assert.True(s, bytes.Contains(s.state("cloud/sync.json"), []byte("403")))
	s.metadata.Script()
	s.sync()
}

// testOtherInstance boots a copy of the machine, so to speak: its id is another,
// and an address that netbrk once added is by now its owner's.
func testOtherInstance(s cloudScript) {
	s.cloudIdle()
	s.run("systemctl", "stop", "netbrk.target", "netbrk-watch.service", "netbrk-cloud-sync.timer", "netbrk-cloud-sync.path", "netbrk-rules.path", "netbrk-rules.timer")
	s.ip("address delete 10.77.0.23/32 dev ens5")()
	s.ip("address add 10.77.0.23/32 dev ens5 noprefixroute")()
	addForeign(s.script)
	before, err := s.Machine.NetState()
	require.NoError(s, err)
	s.metadata.Change(func(told *hostnet.Metadata) {
		told.System.InstanceID = "i-0002"
		told.NICs[1] = cloudNIC(1, "10.77.0.20", "10.77.0.24")
	})
	s.run("systemctl", "start", "netbrk-cloud-sync.service")
	after := s.hasAddresses("ens5", 20, 23, 24)
	checkForeign(s.script, before, after, false)
	assert.Contains(s, string(s.state("cloud/system.json")), `"i-0002"`)
	assert.NotContains(s, string(s.state("cloud/links/"+s.index("ens5")+".json")), "10.77.0.23")
	s.run("systemctl", "start", "netbrk.target", "netbrk-cloud-sync.timer", "netbrk-cloud-sync.path")
}

// testCloudJournal looks at what the tests so far have left in the journal.
func testCloudJournal(s cloudScript) {
	s.cloudIdle()
	assert.Empty(s, s.run("systemctl", "--failed", "--plain", "--no-legend"))
	journal, err := s.Machine.Journal(s.ctx, "netbrk-cloud-sync.service")
	require.NoError(s, err)
	assert.NotContains(s, journal, "panic")
	assert.NotContains(s, journal, "TOKEN-")
}
