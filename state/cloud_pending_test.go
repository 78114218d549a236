package state

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCloudPending(t *testing.T) {
	for _, tt := range []struct {
		name  string
		there []string // directories; those that end in .json are files
		want  []string // what waits after links 5 and 7 appeared
	}{
		{name: "no state"},
		{name: "no cloud", there: []string{cloudPendingDir}},
		{name: "cloud without NICs", there: []string{cloudPendingDir, "cloud/links"}},
		{name: "no directory", there: []string{"cloud/links/2.json"}},
		{name: "one entry for all", there: []string{cloudPendingDir, "cloud/links/2.json"}, want: []string{"5"}},
		{name: "a hidden file does not count", there: []string{cloudPendingDir, "cloud/links/.x.json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, path := range tt.there {
				path = filepath.Join(root, path)
				if filepath.Ext(path) != ".json" {
					require.NoError(t, os.MkdirAll(path, 0o755))
					continue
				}
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, nil, 0o644))
			}
			p := NewCloudPending(root)
			require.NoError(t, p.Put(5))
			require.NoError(t, p.Put(7))
			waiting, err := visible(filepath.Join(root, cloudPendingDir))
			require.NoError(t, ignoreMissing(err))
			assert.ElementsMatch(t, tt.want, waiting)
			for range 2 {
				require.NoError(t, TakeCloudPending(root))
				waiting, err = visible(filepath.Join(root, cloudPendingDir))
				require.NoError(t, ignoreMissing(err))
				assert.Empty(t, waiting)
			}
		})
	}
}

// TestTakeCloudPendingOfAnybody: whatever the watcher's user plants goes.
func TestTakeCloudPendingOfAnybody(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, cloudPendingDir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "9", "deep"), 0o755))
	outside := filepath.Join(t.TempDir(), "kept")
	require.NoError(t, os.WriteFile(outside, nil, 0o644))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "8")))
	require.NoError(t, TakeCloudPending(root))
	assert.FileExists(t, outside)
	waiting, err := visible(dir)
	require.NoError(t, err)
	assert.Empty(t, waiting)
}
