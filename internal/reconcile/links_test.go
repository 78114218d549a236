package reconcile

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

const nicMAC = "02:00:00:00:00:03"

// cloudBench is a bench whose eth5 is a NIC with a secondary address.
func cloudBench(t *testing.T) *bench {
	b := newBench(t)
	b.options.Managed = func(string) bool { return false }
	b.kernel.link(5, "eth5", "192.0.2.1", "192.0.2.50/24")
	facts := b.kernel.links[5]
	facts.MAC = nicMAC
	b.kernel.links[5] = facts
	b.options.Cloud = map[int]report.CloudLink{5: {Index: 5, Link: "eth5", Routed: true, NIC: hostnet.NIC{MAC: nicMAC, Addresses: []hostnet.CloudAddress{
		{Addr: netip.MustParseAddr("192.0.2.50"), Bits: 24, Role: hostnet.RolePrimary},
		{Addr: netip.MustParseAddr("192.0.2.51"), Bits: 24, Role: hostnet.RoleSecondary},
	}}}}
	return b
}

func (b *bench) addresses(index int) []string {
	var texts []string
	for _, a := range b.kernel.links[index].Addrs {
		texts = append(texts, a.Prefix.String())
	}
	return texts
}

func TestNICGetsAddressesAndRules(t *testing.T) {
	b := cloudBench(t)
	r := b.run()
	assert.Equal(t, []string{"192.0.2.50/24", "192.0.2.51/32"}, b.addresses(5))
	assert.Contains(t, b.kernel.text(true), "30002: from 192.0.2.51 lookup 10004", "in the same pass")
	assert.Len(t, r.LinkSteps, 1)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("192.0.2.51/32")}, b.ledger.saved[5].Added)

	writes, saves := b.kernel.writes, b.ledger.saves
	r = b.run()
	assert.Empty(t, r.Commands())
	assert.Equal(t, writes, b.kernel.writes)
	assert.Equal(t, saves, b.ledger.saves)
}

func TestFlushedAddressComesBack(t *testing.T) {
	b := cloudBench(t)
	b.run()
	facts := b.kernel.links[5]
	facts.Addrs = facts.Addrs[:1]
	b.kernel.links[5] = facts
	b.run()
	assert.Equal(t, []string{"192.0.2.50/24", "192.0.2.51/32"}, b.addresses(5))
}

func TestNICIsForgotten(t *testing.T) {
	b := cloudBench(t)
	b.run()
	b.options.Cloud = nil
	b.run()
	assert.Equal(t, []string{"192.0.2.50/24"}, b.addresses(5))
	assert.Empty(t, b.kernel.text(true))
	assert.NotContains(t, b.ledger.saved, 5)
}

func TestIndexOfAnotherLink(t *testing.T) {
	b := cloudBench(t)
	facts := b.kernel.links[5]
	facts.MAC = "02:00:00:00:00:99" // the NIC was unplugged, and this one came
	b.kernel.links[5] = facts
	b.run()
	assert.Equal(t, []string{"192.0.2.50/24"}, b.addresses(5))
	assert.Empty(t, b.kernel.text(true))
}

func TestRivalIsLeftAlone(t *testing.T) {
	b := cloudBench(t)
	nic := b.options.Cloud[5]
	nic.Rival = "amazon-ec2-net-utils"
	b.options.Cloud[5] = nic
	b.run()
	assert.Zero(t, b.kernel.writes)
}

func TestFlushOfANIC(t *testing.T) {
	b := cloudBench(t)
	b.run()
	b.run(flush, only("eth5"))
	assert.Equal(t, []string{"192.0.2.50/24"}, b.addresses(5))
	assert.Empty(t, b.kernel.text(true))
	b.run()
	assert.Equal(t, []string{"192.0.2.50/24"}, b.addresses(5), "it stays so")
	b.run(byHand)
	assert.Equal(t, []string{"192.0.2.50/24", "192.0.2.51/32"}, b.addresses(5))
}

func TestDryRunImagines(t *testing.T) {
	b := cloudBench(t)
	r := b.run(func(o *Options) { o.DryRun, o.ByHand = true, true })
	commands := r.Commands()
	require.NotEmpty(t, commands)
	assert.Equal(t, "ip -4 address add 192.0.2.51/32 dev eth5 noprefixroute", commands[0])
	assert.True(t, slices.Contains(commands, "ip -4 rule add from 192.0.2.51 lookup 10004 priority 30002 protocol 110"), commands)
	assert.Zero(t, b.kernel.writes)
	assert.Empty(t, b.ledger.saved)
}

func TestAddressThatSomebodyRemoves(t *testing.T) {
	b := cloudBench(t)
	b.run()
	for range 30 {
		b.now = b.now.Add(10 * time.Millisecond)
		facts := b.kernel.links[5]
		facts.Addrs = facts.Addrs[:1]
		b.kernel.links[5] = facts
		b.run()
	}
	assert.Contains(t, b.ledger.saved[5].Contended, "address 192.0.2.51/32")
	assert.Equal(t, []string{"192.0.2.50/24"}, b.addresses(5), "it has to wait")
	b.run(byHand)
	assert.Equal(t, []string{"192.0.2.50/24", "192.0.2.51/32"}, b.addresses(5))
}

// TestRangeOfALinkThatIsNotMeant: nothing else wants IPv6's rule for the main table,
// which belongs to no link.
func TestRangeOfALinkThatIsNotMeant(t *testing.T) {
	b := cloudBench(t)
	nic := b.options.Cloud[5]
	nic.NIC.Ranges = []hostnet.CloudRange{{Prefix: netip.MustParsePrefix("2001:db8:d::/64"), Kind: "delegated"}}
	b.options.Cloud[5] = nic
	b.run()
	before := b.kernel.text(true)
	require.Contains(t, before, "30002: from 2001:db8:d::/64 lookup 10004")
	assert.Empty(t, b.run(byHand, only("eth1")).Commands())
	assert.Equal(t, before, b.kernel.text(true))
}
