package faulttest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// instance is a host in a cloud: two NICs that nobody configures, with objects of
// others, and a metadata service of its own.
type instance struct {
	*host
	metadata *imdstest.Server
	sync     []string // the words of cloud-sync
}

func newInstance(t *testing.T, told hostnet.Metadata) *instance {
	t.Helper()
	i := &instance{host: newHost(t, ""), metadata: imdstest.New("aws", told)}
	far := netnstest.New(t) // a link with its other end here would be a NIC, too
	for n := range told.NICs {
		i.IP(t, fmt.Sprintf("link add nic%d index %d address %s type veth peer name far%d netns %s", n, 10+n, nicMAC(n), n, far.Path()))
		i.IP(t, fmt.Sprintf("link set nic%d addrgenmode none up", n))
		far.IPBatch(t, fmt.Sprintf("link set far%d addrgenmode none\nlink set far%d up\n", n, n))
	}
	i.IPBatch(t, `address add 198.51.100.77/24 dev nic0
address add 2001:db8:f::77/64 dev nic1 nodad
route add 203.0.113.0/24 via 198.51.100.1 dev nic0 protocol static
route add default via 198.51.100.1 dev nic0 table 77 protocol 99
route add local 203.0.113.64/28 dev nic0 table local protocol 99
route add 2001:db8:e::/48 via 2001:db8:f::1 dev nic1 protocol static
rule add from 198.51.100.77 lookup 77 priority 100 protocol static
rule add from 10.0.0.21 lookup 77 priority 30002 protocol static
`)
	i.IP(t, "-6 rule add from 2001:db8::/32 lookup 77 priority 100 protocol 99")
	i.sync = i.tell(t, i.metadata)
	return i
}

func nicMAC(n int) string { return fmt.Sprintf("02:00:00:00:00:%02x", 0x10+n) }

// anyTold is an answer of the metadata: a second NIC with some of ten addresses and
// two ranges, on a machine of one of two types.
func anyTold(random *rand.Rand) hostnet.Metadata {
	told := hostnet.Metadata{System: hostnet.System{
		Provider: "aws", InstanceID: "i-0001", Region: "r-1", Zone: "r-1a", Account: "123456789012",
		Type: []string{"small", "large"}[random.IntN(2)],
	}}
	for n := range 2 {
		nic := hostnet.NIC{MAC: nicMAC(n), ID: fmt.Sprintf("eni-%d", n), Primary: n == 0, Device: n, Subnets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
		add := func(address string, bits int, role hostnet.Role) {
			nic.Addresses = append(nic.Addresses, hostnet.CloudAddress{Addr: netip.MustParseAddr(address), Bits: bits, Role: role})
		}
		add(fmt.Sprintf("10.0.0.%d", 10*(n+1)), 24, hostnet.RolePrimary)
		for k := 1; n == 1 && k < 6; k++ {
			if random.IntN(2) == 0 {
				add(fmt.Sprintf("10.0.0.%d", 20+k), 24, hostnet.RoleSecondary)
			}
		}
		if n == 1 {
			nic.Subnets = append(nic.Subnets, netip.MustParsePrefix("2001:db8:0:1::/64"))
			add("2001:db8:0:1::20", 64, hostnet.RolePrimary)
			for k := 1; k < 5; k++ {
				if random.IntN(2) == 0 {
					add(fmt.Sprintf("2001:db8:0:1::2%d", k), 64, hostnet.RoleSecondary)
				}
			}
			for _, prefix := range []string{"10.0.0.64/28", "2001:db8:0:1:1::/80"} {
				if random.IntN(2) == 0 {
					nic.Ranges = append(nic.Ranges, hostnet.CloudRange{Prefix: netip.MustParsePrefix(prefix), Kind: "delegated"})
				}
			}
		}
		told.NICs = append(told.NICs, nic)
	}
	return told
}

// look returns addresses, rules and routes, less what the kernel adds to each
// address by itself, and with what is not netbrk's.
func (i *instance) look(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, command := range []string{"-o address", "-4 rule", "-6 rule", "-4 route show table all", "-6 route show table all"} {
		for _, line := range i.IPLines(t, "-N "+command) {
			if line, _, _ = strings.Cut(line, `\`); !strings.Contains(line+" ", " proto 2 ") { // RTPROT_KERNEL
				all = append(all, command+": "+line)
			}
		}
	}
	slices.Sort(all)
	return all
}

var (
	cloudForeign = regexp.MustCompile(`\b(198\.51\.100|203\.0\.113)\.|\btable 77\b|\b2001:db8:[ef]:`)
	// ofRuns is what a state tells of the runs that led to it: when they changed
	// something, and what was on record and found missing, as it is by one that is
	// killed between removing an address that is told again later and its record.
	ofRuns = regexp.MustCompile(`,"(changed|losses|contended)":("[^"]*"|\[[^\]]*\])`)
)

// TestKillCloudSync kills cloud-sync while what the metadata tells changes, and holds
// what is left against an instance that was told the same and never killed.
func TestKillCloudSync(t *testing.T) {
	told := anyTold(rand.New(rand.NewPCG(1, 1)))
	whole, other := newInstance(t, told), newInstance(t, told)
	bare := other.look(t)
	a := newAssassin(t, other.host)
	monitor := other.monitor(t, cloudForeign)
	a.each(t, func(int) {
		told := anyTold(a.random)
		for _, i := range []*instance{whole, other} {
			i.metadata.Change(func(before *hostnet.Metadata) { *before = told })
		}
		whole.plain(t, whole.sync...)
	}, other.sync...)
	other.plain(t, other.sync...)

	assert.Equal(t, whole.look(t), other.look(t), "addresses, rules and routes")
	want, have := whole.documents(t), other.documents(t)
	for _, documents := range []map[string]string{want, have} {
		for name, text := range documents {
			documents[name] = ofRuns.ReplaceAllString(text, "")
		}
	}
	assert.NotEmpty(t, want["cloud/links/11.json"])
	assert.NotEmpty(t, want["rules/11.json"])
	assert.Equal(t, want, have, "the state")
	monitor.untouched(t)
	other.noneLeftOver(t)

	// What is on record is all there is.
	other.plain(t, append(slices.Clone(other.sync), "--flush")...)
	assert.Equal(t, bare, other.look(t), "flushed")
	other.soundLog(t)
}
