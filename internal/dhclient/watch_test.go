package dhclient

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
)

func TestDirectories(t *testing.T) {
	assert.Equal(t, []string{"/var/lib/dhcp", "/a", "/"},
		Directories([]string{"/var/lib/dhcp/*.leases", "/var/lib/dhcp/x", "/a/?b/c/*", "/[a]/b"}))
}

func TestPlaces(t *testing.T) {
	assert.Equal(t, []string{"/var/lib/dhcp", "/var/lib/dhcp/x", "/a", "/"},
		Places([]string{"/var/lib/dhcp/*.leases", "/var/lib/dhcp/x", "/var/lib/dhcp/x", "/a/?b/c", "/[a]/b"}))
}

// TestWatch: a directory that comes, goes and comes again, and a file that is kept
// open and written to.
func TestWatch(t *testing.T) {
	dir := t.TempDir() + "/lib/dhcp"
	w, err := Watch([]string{dir}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	defer func() { stop(); <-done }()
	for range 2 {
		require.NoError(t, os.MkdirAll(dir, 0o755))
		<-w.Changed()
		f, err := os.Create(dir + "/dhclient.leases")
		require.NoError(t, err)
		// What came while the directory was not watched yet is told by its coming.
		for range 3 {
			_, err = f.WriteString("lease {")
			require.NoError(t, err)
			<-w.Changed()
		}
		require.NoError(t, f.Close())
		require.NoError(t, os.RemoveAll(dir))
		<-w.Changed()
	}
}

// TestWatchNested: one directory is in another, and comes later.
func TestWatchNested(t *testing.T) {
	outer := t.TempDir()
	inner := outer + "/dhcp"
	w, err := Watch([]string{outer, inner}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	defer func() { stop(); <-done }()
	require.NoError(t, os.Mkdir(inner, 0o755))
	<-w.Changed()
	require.NoError(t, os.WriteFile(inner+"/dhclient.leases", nil, 0o644))
	<-w.Changed()
}

// TestWatchClosed: a directory that is closed to us is left to the path unit, and
// one below it is nobody's.
func TestWatchClosed(t *testing.T) {
	above := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(above), 0o755)) // testing makes it for its own user
	dir := above + "/closed"
	require.NoError(t, os.Mkdir(dir, 0))
	hosttest.AsNobody(t, func() {
		_, err := os.ReadDir(dir)
		require.ErrorIs(t, err, os.ErrPermission)
		_, err = Watch([]string{dir, dir + "/below"}, slog.New(slog.DiscardHandler))
		assert.NoError(t, err)
	})
}
