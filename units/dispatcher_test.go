package units_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestInstallDispatcher has both dispatchers find their script, and none of it
// left after an uninstall.
func TestInstallDispatcher(t *testing.T) {
	dest := t.TempDir()
	const share = "usr/local/share/netbrk/dispatcher/"
	mk := func(target string) { makeTarget(t, target, "DESTDIR="+dest, "PREFIX=/usr/local") }
	mk("install")
	assert.NoFileExists(t, filepath.Join(dest, "usr/lib/NetworkManager/dispatcher.d/50-netbrk"), "only by its own target")
	mk("install-dispatcher")
	mk("install-dispatcher") // twice, it is the same
	for _, name := range []string{"networkd-dispatcher", "NetworkManager"} {
		info, err := os.Stat(filepath.Join(dest, share, name, "50-netbrk"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o755), info.Mode())
		want, err := os.ReadFile(filepath.Join("..", "dispatcher", name, "50-netbrk.sh"))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dest, share, name, "50-netbrk"))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
	link := func(path string) string {
		target, err := os.Readlink(filepath.Join(dest, path))
		require.NoError(t, err)
		return target
	}
	for _, state := range hostnet.LinkStates() {
		dir := "usr/lib/networkd-dispatcher/" + state + ".d"
		assert.Equal(t, "/"+share+"networkd-dispatcher/50-netbrk", link(dir+"/50-netbrk"))
		info, err := os.Stat(filepath.Join(dest, dir))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	}
	const nm = "usr/lib/NetworkManager/dispatcher.d/"
	assert.Equal(t, "/"+share+"NetworkManager/50-netbrk", link(nm+"50-netbrk"))

	mine := filepath.Join(dest, "usr/lib/networkd-dispatcher/routable.d/10-mine")
	require.NoError(t, os.WriteFile(mine, nil, 0o755))
	mk("uninstall")
	assert.FileExists(t, mine)
	require.NoError(t, os.Remove(mine))
	mk("install")
	mk("install-dispatcher")
	mk("uninstall")
	for _, dir := range []string{"usr/lib/networkd-dispatcher", "usr/lib/NetworkManager", "usr/local/share/netbrk"} {
		assert.NoDirExists(t, filepath.Join(dest, dir))
	}
	for _, line := range tree(t, dest) {
		assert.Equal(t, "d", line[:1], "left behind: %s", line)
	}
}
