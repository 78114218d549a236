package networkd

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func watchDir(t *testing.T, dir string) *FileWatch {
	t.Helper()
	w, err := WatchFiles(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	runFileWatch(t, w)
	return w
}

func runFileWatch(t *testing.T, w *FileWatch) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

// untilChanged waits until the watch tells of a link, or of all.
func untilChanged(t *testing.T, w *FileWatch, index int) {
	t.Helper()
	timeout := time.After(eventWait)
	for {
		select {
		case got := <-w.Changed():
			if got == index {
				return
			}
		case <-timeout:
			require.Fail(t, "no change told", "of link %d", index)
		}
	}
}

// putFile writes as networkd does: under another name, then renamed.
func putFile(t *testing.T, dir, kind, name, content string) {
	t.Helper()
	tmp := filepath.Join(dir, kind, ".#"+name)
	require.NoError(t, os.WriteFile(tmp, []byte(content), 0o644))
	require.NoError(t, os.Rename(tmp, filepath.Join(dir, kind, name)))
}

func TestFileWatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "systemd", "netif")
	w := watchDir(t, dir)
	assert.Empty(t, w.AdministrativeState(25))
	assert.Empty(t, w.Lease(25))

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "links"), 0o755))
	untilChanged(t, w, 0)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "leases"), 0o755))
	untilChanged(t, w, 0)
	// Whether or not the watch was in place already, a look now sees the file.
	putFile(t, dir, "links", "25", "ADMIN_STATE=configured\n")
	assert.Equal(t, "configured", w.AdministrativeState(25))

	again := watchDir(t, dir)
	putFile(t, dir, "links", "25", "ADMIN_STATE=configuring\n")
	untilChanged(t, again, 25)
	assert.Equal(t, "configuring", again.AdministrativeState(25))
	putFile(t, dir, "leases", "26", "ADDRESS=192.0.2.1\n")
	untilChanged(t, again, 26)
	assert.Equal(t, "192.0.2.1/32", again.Lease(26).Address)
	require.NoError(t, os.Remove(filepath.Join(dir, "leases", "26")))
	untilChanged(t, again, 26)
	assert.Empty(t, again.Lease(26))

	require.NoError(t, os.RemoveAll(filepath.Join(dir, "links")))
	untilChanged(t, again, 0)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "links"), 0o755))
	untilChanged(t, again, 0)
}

// TestFileWatchAfterLoss: that a directory came may be among what the kernel's queue
// had no room for.
func TestFileWatchAfterLoss(t *testing.T) {
	dir := t.TempDir()
	w, err := WatchFiles(dir, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, w.dirs.Remove(dir))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "links"), 0o755))
	runFileWatch(t, w)
	w.dirs.Errors <- fsnotify.ErrEventOverflow
	untilChanged(t, w, 0)
	putFile(t, dir, "links", "25", "ADMIN_STATE=configured\n")
	untilChanged(t, w, 25)
}
