package subcmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// ec2 is an instance of EC2 that has not been synced yet.
func ec2(t *testing.T) *instance {
	t.Helper()
	return newInstance(t, "aws", awsScene().told)
}

// TestCloudSyncOwned has somebody else put a secondary address on a NIC, in his
// own way: it is his.
func TestCloudSyncOwned(t *testing.T) {
	i := ec2(t)
	i.ns.IP(t, "link set nic1 up")
	i.ns.IP(t, "address add 10.0.0.20/24 dev nic1")
	i.ns.IP(t, "address add 10.0.0.21/24 dev nic1 valid_lft 3600 preferred_lft 3600")
	theirs := i.addresses(t)
	i.done(t)
	assert.Subset(t, i.addresses(t), append(theirs, "address nic1 inet 10.0.0.22/32 scope global noprefixroute nic1"))
	i.metadata.Change(awsScene().withdraw)
	i.done(t)
	assert.Subset(t, i.addresses(t), theirs)
	i.done(t, "--flush")
	assert.Equal(t, theirs, i.addresses(t))
}

// addresses are those of nic1.
func (i *instance) addresses(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(i.look(t), func(line string) bool { return !strings.HasPrefix(line, "address nic1 ") })
}

// TestCloudSyncSupplementary gives the primary NIC what the others have.
func TestCloudSyncSupplementary(t *testing.T) {
	i := ec2(t)
	i.done(t)
	assert.NotContains(t, i.ns.IP(t, "rule"), "10009")
	_, stderr, status := i.run(t, "apply-rules", "nic0")
	assert.Zero(t, status)
	assert.Contains(t, stderr, `netbrk: hint: link "nic0" gets no rules`)
	_, stderr, status = i.run(t, "apply-rules", "nic1")
	assert.Zero(t, status)
	assert.Empty(t, stderr, "it has its rules by the cloud")
	i.configure(t, `Supplementary = "nic0"`)
	i.done(t)
	rules := i.ns.IP(t, "rule")
	for _, want := range []string{"from 10.0.0.10 lookup 10009", "from 10.0.0.11 lookup 10009", "from 10.0.0.21 lookup 10010"} {
		assert.Contains(t, rules, want)
	}
	assert.Contains(t, i.ns.IP(t, "route show table 10009"), "default via 10.0.0.1 dev nic0")
}

// TestCloudSyncOtherInstance boots a copy of the machine, so to speak. What the
// records say of an address is not true any more.
func TestCloudSyncOtherInstance(t *testing.T) {
	i := ec2(t)
	i.done(t)
	i.ns.IP(t, "address delete 10.0.0.22/32 dev nic1")
	i.ns.IP(t, "address add 10.0.0.22/32 dev nic1 noprefixroute")
	i.metadata.Change(func(told *hostnet.Metadata) {
		told.System.InstanceID = "i-0002"
		told.NICs[1] = cloudNIC(1, "10.0.0.20/24", "10.0.0.23/24")
	})
	i.done(t)
	addresses := i.ns.IP(t, "-4 -o address show dev nic1")
	for _, want := range []string{"10.0.0.20/24", "10.0.0.22/32", "10.0.0.23/32"} {
		assert.Contains(t, addresses, want)
	}
	assert.NotContains(t, addresses, "10.0.0.21/32", "it carries netbrk's mark")
	assert.NotContains(t, string(i.read(t, "cloud/links/11.json")), "10.0.0.22")
	assert.Contains(t, string(i.read(t, "cloud/system.json")), "i-0002")
}

// TestCloudSyncAmbiguous has two links with the MAC of a NIC.
func TestCloudSyncAmbiguous(t *testing.T) {
	i := ec2(t)
	i.ns.IP(t, "link add twin0 address "+cloudMAC(1)+" type veth peer name twin1")
	stdout, stderr, status := i.sync(t)
	assert.Equal(t, exitPartial, status)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "nic1, twin0")
	assert.Empty(t, i.addresses(t))
	assert.Contains(t, i.ns.IP(t, "address show dev nic0"), "10.0.0.11/32", "the other NIC is configured")
}
