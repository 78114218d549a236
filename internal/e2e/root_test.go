package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestRootKey(t *testing.T) {
	assert.Equal(t, rootKey("trixie"), rootKey("trixie"))
	assert.NotEqual(t, rootKey("trixie"), rootKey("bookworm"))
	assert.Regexp(t, `^bullseye-[0-9a-f]{12}$`, rootKey("bullseye"))
}

func TestArchives(t *testing.T) {
	t.Setenv("NETBRK_E2E_MIRROR", "http://mirror.example/debian")
	got, err := archives("trixie")
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"http://mirror.example/debian"}}, got)

	t.Setenv("NETBRK_E2E_MIRROR", "")
	got, err = archives("trixie")
	require.NoError(t, err)
	require.NotEmpty(t, got)
	assert.Empty(t, got[len(got)-1], "mmdebstrap's own choice comes last")
}

func TestDeleteOld(t *testing.T) {
	c := &Cache{dir: t.TempDir()}
	for _, name := range []string{"trixie-held", "trixie-old", "trixie-new", "bookworm-old"} {
		require.NoError(t, os.MkdirAll(filepath.Join(c.dir, name, "etc"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(c.dir, name+".lock"), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(c.dir, "trixie-old.partial"), 0o755))
	held, err := os.Open(filepath.Join(c.dir, "trixie-held.lock"))
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_SH))

	require.NoError(t, c.deleteOld("trixie", "trixie-new"))
	var left []string
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	assert.Equal(t, []string{
		"bookworm-old", "bookworm-old.lock", "trixie-held", "trixie-held.lock", "trixie-new", "trixie-new.lock",
	}, left)
}

func TestFlockCancelled(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	holder, err := os.Open(name)
	require.NoError(t, err)
	defer holder.Close()
	require.NoError(t, flock(t.Context(), holder, unix.LOCK_EX))

	waiter, err := os.Open(name)
	require.NoError(t, err)
	defer waiter.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, flock(ctx, waiter, unix.LOCK_EX), context.Canceled)
}
