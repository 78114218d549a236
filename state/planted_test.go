package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPlantedHardLink: the watcher's user gives another file a name in its spool, as
// it may where fs.protected_hardlinks is 0. The file's owner is root, so it is read,
// and nothing of it is told to anybody; the name goes and the file stays.
func TestPlantedHardLink(t *testing.T) {
	root := t.TempDir()
	openSpool(t, root)
	secret := filepath.Join(root, "shadow")
	require.NoError(t, os.WriteFile(secret, []byte(`{"kind":"state","ifindex":3,"seq":9,"link":"root:$y$j9T$secret"}`), 0o600))
	const name = "00000000000000000009-state-3.json"
	require.NoError(t, os.Link(secret, filepath.Join(root, eventsDir, name)))

	assert.Empty(t, drainAll(t, openQueue(t, root)))
	assert.Empty(t, eventFiles(t, root))
	assert.FileExists(t, secret)
	failures, err := Failures(root)
	require.NoError(t, err)
	require.Len(t, failures, 1)
	assert.Equal(t, name, failures[0].Entry)
	assert.Equal(t, "refused: not readable by all", failures[0].Why)
}

// TestPlantedInPlaceOfTheTemporaryFile: a link under the name that a writer is about
// to use is replaced, not written through.
func TestPlantedInPlaceOfTheTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "passwd")
	require.NoError(t, os.WriteFile(other, []byte("root"), 0o644))
	for _, plant := range []func(old, name string) error{os.Symlink, os.Link} {
		require.NoError(t, plant(other, filepath.Join(dir, ".3.json.tmp")))
		require.NoError(t, writeFile(dir, "3.json", []byte("new"), 0o644))
		kept, err := os.ReadFile(other)
		require.NoError(t, err)
		assert.Equal(t, "root", string(kept))
		got, err := os.ReadFile(filepath.Join(dir, "3.json"))
		require.NoError(t, err)
		assert.Equal(t, "new", string(got))
	}
}

// TestPlantedHugeFile: a file that seems endless is not read into memory.
func TestPlantedHugeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.NoError(t, os.Truncate(path, 1<<40))
	allocated := testing.AllocsPerRun(1, func() {
		_, err := readFile(path)
		assert.ErrorIs(t, err, errHostile)
		assert.True(t, strings.Contains(err.Error(), "larger than 65536"), err)
	})
	assert.Less(t, allocated, 100.0)
	_, err := readUpTo(maxOwn, "/dev/zero")
	assert.ErrorIs(t, err, errHostile)
}
