package state

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func held(link string) report.LinkLeases {
	return report.LinkLeases{Link: link, Index: 3, IPv4: &hostnet.Lease{
		Link: link, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")},
	}}
}

func TestLeasesAreKept(t *testing.T) {
	root := t.TempDir()
	kept, err := OpenLeases(root)
	require.NoError(t, err)
	for _, link := range []string{"eth0", ".hidden", "a.json"} {
		require.NoError(t, kept.Save(held(link)))
	}
	require.NoError(t, kept.Save(held("gone")))
	require.NoError(t, kept.Remove("gone"))
	require.NoError(t, kept.Remove("never there"))

	links, err := LookAtLeases(root).Load()
	require.NoError(t, err)
	assert.Equal(t, map[string]report.LinkLeases{"eth0": held("eth0"), ".hidden": held(".hidden"), "a.json": held("a.json")}, links)
	got, ok := kept.Get("eth0")
	assert.True(t, ok)
	assert.Equal(t, held("eth0"), got)
}

func TestLeasesStayInTheirDirectory(t *testing.T) {
	root := t.TempDir()
	kept, err := OpenLeases(root)
	require.NoError(t, err)
	for _, link := range []string{"", "..", "../up", "a/b", "a b", "this-name-is-too-long"} {
		assert.Error(t, kept.Save(held(link)), link)
		_, ok := kept.Get(link)
		assert.False(t, ok, link)
		assert.NoError(t, kept.Remove(link), link)
	}
	files, err := filepath.Glob(filepath.Join(root, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(root, "leases")}, files)
}

func TestLeasesThatCannotBeRead(t *testing.T) {
	root := t.TempDir()
	kept, err := OpenLeases(root)
	require.NoError(t, err)
	links, err := LookAtLeases(t.TempDir()).Load()
	require.NoError(t, err, "nobody was here yet")
	assert.Empty(t, links)
	require.NoError(t, kept.Save(held("eth0")))
	for name, text := range map[string]string{
		"eth1.json": "{", "eth2.json": `{"link":"eth0"}`, "eth3": `{"link":"eth3"}`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "leases", name), []byte(text), 0o644))
	}
	require.NoError(t, os.Symlink("eth0.json", filepath.Join(root, "leases", "eth4.json")))
	links, err = kept.Load()
	require.NoError(t, err)
	assert.Equal(t, map[string]report.LinkLeases{"eth0": held("eth0")}, links)
}

func TestLeasesPending(t *testing.T) {
	root := t.TempDir()
	p := NewLeasesPending(root)
	require.NoError(t, p.Put(3), "nobody reads it where nobody made it")
	empty, err := p.Empty()
	require.NoError(t, err)
	assert.True(t, empty)

	require.NoError(t, p.Make())
	require.NoError(t, p.Put(3))
	require.NoError(t, p.Put(3), "it waits already")
	require.NoError(t, p.Put(0))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "leases-pending", "planted", "deep"), 0o755))
	empty, err = p.Empty()
	require.NoError(t, err)
	assert.False(t, empty)
	require.NoError(t, TakeLeasesPending(root))
	empty, err = p.Empty()
	require.NoError(t, err)
	assert.True(t, empty)
	require.NoError(t, TakeLeasesPending(t.TempDir()), "nothing to take")
}

// TestLeaseSpool: events of leases come out of the queue beside the watcher's, and
// neither spool takes what belongs in the other.
func TestLeaseSpool(t *testing.T) {
	root := t.TempDir()
	watcher, _ := openSpool(t, root)
	put(t, watcher, stateEvent(3, "carrier", "off"))
	leases, err := OpenLeaseSpool(root)
	require.NoError(t, err)
	ev := hostnet.Event{
		Kind: hostnet.KindLeases, Index: 3, Link: "eth0", Action: hostnet.ActionAdded,
		Address: "192.0.2.7/24", Generator: hostnet.GeneratorDHClient,
	}
	first := put(t, leases, ev)
	again, err := OpenLeaseSpool(root)
	require.NoError(t, err)
	second := put(t, again, ev)
	assert.Greater(t, second.Seq, first.Seq)
	assert.Equal(t, 1, second.Coalesced, "a level: what waits merges")

	// The watcher may not tell a lease.
	put(t, watcher, ev)
	q := openQueue(t, root)
	peeked, err := PeekQueue(root)
	require.NoError(t, err)
	got := drainAll(t, q)
	require.Len(t, got, 2)
	require.Len(t, peeked, 2)
	assert.Equal(t, hostnet.KindState, got[0].Kind)
	assert.Equal(t, second.ID, got[1].ID)
	assert.Empty(t, eventFiles(t, root))
	failures, err := Failures(root)
	require.NoError(t, err)
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0].Why, "generator")
	names, err := visible(filepath.Join(root, "lease-events"))
	require.NoError(t, err)
	assert.Empty(t, names)
}

// TestLeaseNumbersGrowThoughClockGoesBack: numbers of leases are taken from the
// clock, yet an event that waits comes before those spooled after it.
func TestLeaseNumbersGrowThoughClockGoesBack(t *testing.T) {
	root := t.TempDir()
	before, _, err := openSpoolIn(root, leaseEventsDir)
	require.NoError(t, err)
	before.Resume(uint64(time.Now().Add(24 * time.Hour).UnixMicro())) // the clock was a day ahead
	first, err := before.Put(hostnet.Event{Kind: hostnet.KindLeases, Index: 2, Generator: hostnet.GeneratorDHClient, Action: hostnet.ActionAdded})
	require.NoError(t, err)
	after, err := OpenLeaseSpool(root)
	require.NoError(t, err)
	second, err := after.Put(hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Generator: hostnet.GeneratorDHClient, Action: hostnet.ActionAdded})
	require.NoError(t, err)
	assert.Greater(t, second.Seq, first.Seq)

	// Nor does it matter that those before were handled, and are gone.
	assert.Len(t, drainAll(t, openQueue(t, root)), 2)
	again, err := OpenLeaseSpool(root)
	require.NoError(t, err)
	third, err := again.Put(hostnet.Event{Kind: hostnet.KindLeases, Index: 2, Generator: hostnet.GeneratorDHClient, Action: hostnet.ActionAdded})
	require.NoError(t, err)
	assert.Greater(t, third.Seq, second.Seq)
	kept, err := LookAtLeases(root).Load()
	require.NoError(t, err)
	assert.Empty(t, kept, "the number is no lease")
}
