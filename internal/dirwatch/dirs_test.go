package dirwatch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestOnTheWay: /run is a busy place.
func TestOnTheWay(t *testing.T) {
	d := &Dirs{dirs: []string{"/run/systemd/netif/links", "/run/systemd/netif/leases"}}
	for path, want := range map[string]bool{
		"/run/systemd": true, "/run/systemd/netif": true, "/run/systemd/netif/links": true, "/run/systemd/netif/leases": true,
		"/run/lock": false, "/run/systemd/netif/state": false, "/run/systemd/netifx": false, "/run/systemd/net": false,
	} {
		assert.Equal(t, want, d.onTheWay(path), path)
	}
}

// TestArm: the nearest directory that exists is watched, then the next, and in the
// end the one that was asked for.
func TestArm(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "lib", "dhcp")
	d, err := New([]string{dir}, func(dir string, err error) { assert.NoError(t, err, dir) })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	assert.Equal(t, []string{root}, d.WatchList())
	for _, path := range []string{filepath.Dir(dir), dir} {
		require.NoError(t, os.Mkdir(path, 0o755))
		for ev := range d.Events {
			if d.Moved(ev) {
				break
			}
		}
		assert.Contains(t, d.WatchList(), path)
	}
	assert.True(t, d.In(filepath.Join(dir, "x")))
	assert.False(t, d.In(dir))
}

// TestArmFails: what is there and cannot be watched is told.
func TestArmFails(t *testing.T) {
	// A name that is too long is there for nobody, and is not missing either.
	long := "/" + strings.Repeat("x", 300) + "/links"
	var failed []error
	d, err := New([]string{long}, func(_ string, err error) { failed = append(failed, err) })
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	require.Len(t, failed, 1)
	assert.True(t, errors.Is(failed[0], unix.ENAMETOOLONG))
}
