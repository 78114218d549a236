package faulttest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const leaseLinks = 3

// leaseHost is a host whose links dhclient configures.
type leaseHost struct {
	*host
	domains map[string]string // of the lease that each link has, by its name; "" for none
}

func newLeaseHost(t *testing.T) *leaseHost {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
	h := &leaseHost{host: newHost(t, ""), domains: map[string]string{}}
	h.write(t, "hooks/leases.d/10-lease", "#!/bin/sh\n"+
		fmt.Sprintf(`echo "$EVENT_ID $LINK $LINKINDEX $ACTION ${DOMAIN:--}" >>%s/leases.log`+"\n", h.Dir), 0o755)
	for i := range leaseLinks {
		h.appear(t, i)
		h.lease(t, i, 0)
	}
	return h
}

func (h *leaseHost) appear(t *testing.T, i int) {
	t.Helper()
	h.IPBatch(t, fmt.Sprintf("link add va%d type veth peer name vb%d\n", i, i)+
		fmt.Sprintf("address add 192.0.2.%d/24 dev va%d\naddress add 192.0.2.%d/24 dev va%d\n", 10*i, i, 10*i+1, i))
}

// lease has dhclient's file tell of another lease of the link, in the way of
// dhclient, which appends and now and then writes it anew.
func (h *leaseHost) lease(t *testing.T, i, n int) {
	t.Helper()
	link, name := fmt.Sprintf("va%d", i), fmt.Sprintf("dhcp/va%d.leases", i)
	h.domains[link] = fmt.Sprintf("d%d.example", n)
	block := fmt.Sprintf("lease {\n  interface %q;\n  fixed-address 192.0.2.%d;\n  option subnet-mask 255.255.255.0;\n  option domain-name %q;\n  expire never;\n}\n",
		link, 10*i+n%2, h.domains[link])
	if n%4 > 0 {
		block = h.read(name) + block
	}
	h.write(t, name, block, 0o644)
}

// change has a link get another lease, or go, or come back.
func (h *leaseHost) change(t *testing.T, i, n int) {
	t.Helper()
	switch link := fmt.Sprintf("va%d", i); {
	case h.domains[link] == "":
		h.appear(t, i)
		h.lease(t, i, n)
	case n%5 == 0:
		h.IP(t, "link delete "+link)
		h.domains[link] = ""
	default:
		h.lease(t, i, n)
	}
}

// leaseRun is one run of a script of leases.d.
type leaseRun struct {
	id, link, index, action, domain string
	seq                             uint64
}

func eventSeq(t *testing.T, id string) uint64 {
	t.Helper()
	_, digits, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(digits, 10, 64)
	require.NoError(t, err, id)
	return seq
}

// leaseRuns are the scripts' runs, in the order in which they were.
func (h *leaseHost) leaseRuns(t *testing.T) []leaseRun {
	t.Helper()
	var runs []leaseRun
	for line := range strings.Lines(h.read("leases.log")) {
		f := strings.Fields(line)
		require.Len(t, f, 5, line)
		runs = append(runs, leaseRun{f[0], f[1], f[2], f[3], f[4], eventSeq(t, f[0])})
	}
	return runs
}

var leaseTold = regexp.MustCompile(`msg="lease \w+" link=(\S+) .*event=(\S+)`)

// TestKillLeases kills run-hooks --generator dhclient while leases change, and then
// wants scripts to know what the files tell.
func TestKillLeases(t *testing.T) {
	h := newLeaseHost(t)
	oneshot := []string{"run-hooks", "--generator", "dhclient", "--lease-file", h.Dir + "/dhcp/*.leases"}
	a := newAssassin(t, h.host)
	h.plain(t, oneshot...)
	a.each(t, func(n int) { h.change(t, a.random.IntN(leaseLinks), n) }, oneshot...)
	h.plain(t, oneshot...)

	// Events are in order for each link, and one that comes back by its name is another.
	byIndex, last := map[string][]leaseRun{}, map[string]leaseRun{}
	for _, r := range h.leaseRuns(t) {
		byIndex[r.index] = append(byIndex[r.index], r)
		if r.seq >= last[r.link].seq {
			last[r.link] = r
		}
	}
	for _, runs := range byIndex {
		inLeaseOrder(t, runs)
	}
	for link, domain := range h.domains {
		if domain == "" {
			assert.Equal(t, "removed", last[link].action, "%s is gone: %+v", link, last[link])
		} else {
			assert.NotEqual(t, "removed", last[link].action, "%+v", last[link])
			assert.Equal(t, domain, last[link].domain, "%s: %+v", link, last[link])
		}
	}
	told := leaseTold.FindAllStringSubmatch(h.read("stderr")+h.read("plain.err"), -1)
	assert.Greater(t, len(told), leaseLinks)
	for _, m := range told {
		// Those that waited were merged into the last one.
		assert.GreaterOrEqual(t, last[m[1]].seq, eventSeq(t, m[2]), "lost: %s", m[0])
	}
	h.noneLeftOver(t)
	h.soundLog(t)
}

// inLeaseOrder checks one link's runs: an event may come again, none after a later
// one, and no lease after a later one.
func inLeaseOrder(t *testing.T, runs []leaseRun) {
	t.Helper()
	newest, round := uint64(0), 0
	for _, r := range runs {
		assert.GreaterOrEqual(t, r.seq, newest, "out of order: %+v", r)
		newest = r.seq
		if digits, ok := strings.CutSuffix(strings.TrimPrefix(r.domain, "d"), ".example"); ok && r.action != "removed" {
			n, err := strconv.Atoi(digits)
			require.NoError(t, err, r.domain)
			assert.GreaterOrEqual(t, n, round, "a lease after a later one: %+v", r)
			round = n
		}
	}
}
