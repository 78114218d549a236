package state

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestBacklogs(t *testing.T) {
	root := filepath.Join(t.TempDir(), "state")
	backlogs, err := Backlogs(root)
	require.NoError(t, err)
	require.Len(t, backlogs, 5)
	for _, b := range backlogs {
		assert.Zero(t, b.Pending, b.Name)
	}

	s, _ := openSpool(t, root)
	put(t, s, stateEvent(2, "carrier", "no-carrier"))
	put(t, s, stateEvent(2, "routable", "carrier"))
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	names, err := visible(filepath.Join(root, eventsDir))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(filepath.Join(root, eventsDir, names[0]), old, old))
	require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, ".hidden.tmp"), nil, 0o644))
	backlogs, err = Backlogs(root)
	require.NoError(t, err)
	assert.Equal(t, "events", backlogs[0].Name)
	assert.Equal(t, 2, backlogs[0].Pending)
	assert.True(t, old.Equal(backlogs[0].Oldest), backlogs[0].Oldest)
	assert.NoDirExists(t, filepath.Join(root, rulesPendingDir), "a look makes nothing")

	require.NoError(t, os.WriteFile(filepath.Join(root, rulesPendingDir), nil, 0o644))
	backlogs, err = Backlogs(root)
	assert.ErrorContains(t, err, rulesPendingDir)
	assert.Len(t, backlogs, 4, "the others are told all the same")
}

func TestHolders(t *testing.T) {
	root := t.TempDir()
	holders := func() []Holder { return []Holder{WatchHolder(root), DrainHolder(root), RulesQueueHolder(root)} }
	free, ours := Holder{Known: true}, Holder{Known: true, Held: true, PID: os.Getpid()}
	assert.Equal(t, []Holder{free, free, free}, holders(), "no file, no holder")

	watch, err := LockWatch(root)
	require.NoError(t, err)
	assert.Equal(t, []Holder{ours, free, free}, holders())
	drain, err := LockDrain(root)
	require.NoError(t, err)
	watch.Unlock()
	assert.Equal(t, []Holder{free, ours, free}, holders(), "the file stays, the lock does not")
	queue, err := LockRulesQueue(t.Context(), root)
	require.NoError(t, err)
	drain.Unlock()
	assert.Equal(t, []Holder{free, free, ours}, holders())
	queue.Unlock()
}

func TestHolderInTheTable(t *testing.T) {
	root := t.TempDir()
	lock, err := LockWatch(root)
	require.NoError(t, err)
	defer lock.Unlock()
	var st unix.Stat_t
	require.NoError(t, unix.Stat(filepath.Join(root, watchLock), &st))
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	table := filepath.Join(t.TempDir(), "locks")
	for _, tt := range []struct {
		name, text string
		want       Holder
	}{
		{"held", "1: FLOCK  ADVISORY  WRITE 812 " + file + " 0 EOF\n", Holder{Known: true, Held: true, PID: 812}},
		{"by another namespace's process", "1: FLOCK  ADVISORY  WRITE 0 " + file + " 0 EOF\n", Holder{Known: true, Held: true}},
		{"waited for", "1: FLOCK  ADVISORY  WRITE 812 00:01:2 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 813 " + file + " 0 EOF\n", Holder{Known: true}},
		{"another kind of lock", "1: POSIX  ADVISORY  WRITE 812 " + file + " 0 EOF\n", Holder{Known: true}},
		{"another file", "1: FLOCK  ADVISORY  WRITE 812 " + file + "1 0 EOF\n", Holder{Known: true}},
		{"cut short", "1: FLOCK\n", Holder{Known: true}},
	} {
		require.NoError(t, os.WriteFile(table, []byte(tt.text), 0o644))
		assert.Equal(t, tt.want, holder(root, watchLock, table), tt.name)
	}
	assert.Equal(t, Holder{}, holder(root, watchLock, table+"-hidden"))
}

func TestLookAtLinks(t *testing.T) {
	root := t.TempDir()
	records, err := LookAtLinks(root)
	require.NoError(t, err)
	assert.Empty(t, records)
	links, err := OpenLinks(root)
	require.NoError(t, err)
	want := LinkRecord{Index: 2, Name: "eth0", States: hostnet.States{hostnet.OperationalState: "routable"}}
	require.NoError(t, links.Save(want))
	require.NoError(t, links.Save(LinkRecord{Index: 3, Name: "../x"}))
	require.NoError(t, os.Symlink("2.json", filepath.Join(root, linksDir, "4.json")))
	require.NoError(t, os.WriteFile(filepath.Join(root, linksDir, "5.json"), []byte("{"), 0o644))
	records, err = LookAtLinks(root)
	require.NoError(t, err)
	assert.Equal(t, map[int]LinkRecord{2: want}, records)

	if os.Geteuid() == 0 { // the watcher's are the user netbrk's
		require.NoError(t, os.Chown(filepath.Join(root, linksDir), 65534, -1))
		require.NoError(t, os.Chown(filepath.Join(root, linksDir, "2.json"), 65534, -1))
		records, err = LookAtLinks(root)
		require.NoError(t, err)
		assert.Contains(t, records, 2)
		require.NoError(t, os.Chown(filepath.Join(root, linksDir, "2.json"), 65533, -1))
		records, err = LookAtLinks(root)
		require.NoError(t, err)
		assert.NotContains(t, records, 2, "neither root's nor the watcher's")
	}
	require.NoError(t, os.Chmod(filepath.Join(root, linksDir), 0o777))
	_, err = LookAtLinks(root)
	assert.ErrorContains(t, err, "writable by group or others")
}
