package dispatcher

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRefused(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o755))
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), mode))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	file("routable.d/10-fine", 0o755)
	file("routable.d/10-fine~", 0o666) // a leftover
	file("nonsense.d/10-x", 0o666)     // no hook directory
	open := file("routable.d/20-open", 0o757)
	perLink := file("carrier.d/wg*/30-off", 0o644)
	exact := file("rules.d/40-off", 0o644)
	finder := Finder{Roots: []string{root, root, "relative"}, Trust: Trust{UID: os.Geteuid(), Root: root}}
	var paths []string
	for _, s := range finder.Refused() {
		paths = append(paths, s.Path)
		assert.NotEmpty(t, s.Why)
	}
	assert.Equal(t, []string{perLink, open, exact}, paths, "for whichever link, each once")
}

// TestLookedAtBySomebodyElse judges scripts for root: that we cannot run them says
// nothing.
func TestLookedAtBySomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to become another user takes root")
	}
	root := t.TempDir()
	for dir := root; dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "routable.d"), 0o755))
	path := filepath.Join(root, "routable.d", "10-x")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700))
	refused := make(chan []Skipped)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, now another user's, dies with us
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534)
		assert.Zero(t, errno)
		f := Finder{Roots: []string{root}, Trust: Trust{UID: 0, Root: root}}
		refused <- f.Refused()
		f.Trust.UID = 65534
		refused <- f.Refused()
	}()
	assert.Empty(t, <-refused)
	assert.Len(t, <-refused, 1, "for ourselves it is root's to run")
}
