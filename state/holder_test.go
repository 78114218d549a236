package state

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

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
	queue, err := LockRulesQueue(t.Context(), root, func() {})
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
