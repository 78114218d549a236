package state

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func openRulesQueue(t *testing.T, root string) *RulesQueue {
	t.Helper()
	q, err := OpenRulesQueue(root, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.Close()) })
	return q
}

func TestRulesPending(t *testing.T) {
	root := t.TempDir()
	p, err := OpenRulesPending(root)
	require.NoError(t, err)
	q := openRulesQueue(t, root)
	empty := func() bool {
		e, err := p.Empty()
		require.NoError(t, err)
		return e
	}
	assert.True(t, empty())
	for _, index := range []int{5, 0, 5} {
		require.NoError(t, p.Put(index))
	}
	names, err := visible(filepath.Join(root, rulesPendingDir))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"0", "5"}, names, "a link waits once")
	assert.False(t, empty())
	require.NoError(t, q.Take())
	assert.True(t, empty())
	require.NoError(t, q.Take(), "nothing to take")
}

func TestRulesQueueWaits(t *testing.T) {
	root := t.TempDir()
	p, err := OpenRulesPending(root)
	require.NoError(t, err)
	q := openRulesQueue(t, root)
	more, err := q.Wait(t.Context(), 0)
	require.NoError(t, err)
	assert.False(t, more, "nothing came")

	require.NoError(t, p.Put(7))
	more, err = q.Wait(t.Context(), time.Hour)
	require.NoError(t, err)
	assert.True(t, more)

	require.NoError(t, q.Take())
	more, err = q.Wait(t.Context(), 0)
	require.NoError(t, err)
	assert.False(t, more, "our own removal is no news")
	_, err = q.Wait(cancelled(t), time.Hour)
	assert.ErrorIs(t, err, context.Canceled)
}

// TestRulesQueueTakesWhateverIsThere is about a watcher that was taken over: what
// it leaves there must neither keep the service going round nor lead it astray.
func TestRulesQueueTakesWhateverIsThere(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	_, err := OpenRulesPending(root)
	require.NoError(t, err)
	q := openRulesQueue(t, root)
	dir := filepath.Join(root, rulesPendingDir)
	precious := filepath.Join(outside, "precious")
	require.NoError(t, os.WriteFile(precious, nil, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deep", "er"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "not a number"), []byte("x"), 0o644))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "1")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "deep", "2")))
	require.NoError(t, q.Take())
	names, err := visible(dir)
	require.NoError(t, err)
	assert.Empty(t, names)
	assert.FileExists(t, precious)
}

// TestRulesQueueHidesWhatItCannotRemove plants directories with content in them that
// root without CAP_DAC_OVERRIDE, as in the service, may not look into: under a name
// that leaves no room for a longer one, and under one that was hidden before.
func TestRulesQueueHidesWhatItCannotRemove(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to give a directory away takes root")
	}
	root := t.TempDir()
	_, err := OpenRulesPending(root)
	require.NoError(t, err)
	q := openRulesQueue(t, root)
	dir := filepath.Join(root, rulesPendingDir)
	plant := func(name string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "content"), 0o700))
		require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o700))
	}
	plant("7")
	plant(strings.Repeat("x", 255))
	plant(".refused-7")
	require.NoError(t, os.Chown(dir, 65534, -1))
	for _, above := range []string{root, filepath.Dir(root)} { // testing makes them for its own user
		require.NoError(t, os.Chmod(above, 0o755))
	}
	taken := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, now another user's to the file system, dies with us
		if err := unix.Setfsuid(65534); err != nil {
			taken <- err
			return
		}
		taken <- q.Take()
	}()
	require.NoError(t, <-taken)
	names, err := visible(dir)
	require.NoError(t, err)
	assert.Empty(t, names, "it starts the service again and again")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 3, "it was removed: the test shows nothing")
}

func TestRulesQueueIsNotMade(t *testing.T) {
	root := t.TempDir()
	_, err := OpenRulesQueue(root, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.NoDirExists(t, filepath.Join(root, rulesPendingDir))
}
