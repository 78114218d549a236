package state

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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

// TestPlantedFileThatGrows: a file that has more in it than its size said is read no
// further than its bound.
func TestPlantedFileThatGrows(t *testing.T) {
	const growing = "/proc/self/status" // its size is 0 to stat(2)
	info, err := os.Stat(growing)
	require.NoError(t, err)
	require.Zero(t, info.Size())
	_, err = readUpTo(64, growing, os.Geteuid())
	assert.ErrorIs(t, err, errHostile)
	assert.ErrorContains(t, err, "larger than 64 bytes")
	data, err := readUpTo(maxOwn, growing, os.Geteuid())
	require.NoError(t, err)
	assert.Greater(t, len(data), 64)
}

// TestPlantedDescriptorLink: what /proc leads to is a link like any other.
func TestPlantedDescriptorLink(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "event"))
	require.NoError(t, err)
	defer f.Close()
	_, err = readFile("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), os.Geteuid())
	assert.ErrorIs(t, err, errHostile)
	assert.ErrorContains(t, err, "a symbolic link")
}

// TestSwappedWhileItIsRead has the watcher's user put an event, a link to a secret, a
// fifo and a directory in one place, one after another, each by a rename, while the
// spool is read: what comes out is the event, and the secret is neither told nor gone.
func TestSwappedWhileItIsRead(t *testing.T) {
	root := t.TempDir()
	openSpool(t, root)
	const name = "00000000000000000009-state-3.json"
	const event = `{"seq":9,"kind":"state","ifindex":3,"property":"OperationalState","state":"routable"}`
	elsewhere := t.TempDir()
	secret := filepath.Join(elsewhere, "secret")
	require.NoError(t, os.WriteFile(secret, []byte(strings.Replace(event, "routable", "off", 1)), 0o644))
	place := filepath.Join(root, eventsDir, name)
	next := filepath.Join(root, eventsDir, ".next")
	plants := []func() error{
		func() error { return os.WriteFile(next, []byte(event), 0o644) },
		func() error { return os.Symlink(secret, next) },
		func() error { return unix.Mkfifo(next, 0o644) },
		func() error { return os.Mkdir(next, 0o755) },
		func() error { return os.Symlink(elsewhere, next) },
	}
	stop, ended := make(chan struct{}), make(chan int)
	go func() {
		turns := 0
		for ; ; turns++ {
			select {
			case <-stop:
				ended <- turns
				return
			default:
			}
			if assert.NoError(t, plants[turns%len(plants)]()) {
				if err := os.Rename(next, place); err != nil { // a directory and what is none replace each other by no rename
					_ = os.RemoveAll(place)
					_ = os.RemoveAll(next)
				}
			}
		}
	}()
	q := openQueue(t, root)
	for seen, looks := 0, 0; (seen < 5 || looks < 30) && looks < 100_000; looks++ {
		for _, ev := range drainAll(t, q) {
			assert.Equal(t, "routable", ev.State, "read through a link")
			seen++
		}
	}
	close(stop)
	assert.Positive(t, <-ended)
	assert.FileExists(t, secret)
	failures, err := Failures(root)
	require.NoError(t, err)
	assert.NotEmpty(t, failures)
}
