package generator_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/generator"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	entries := []generator.Entry{
		{Path: "a.timer.d/50-netbrk.conf", Text: "[Timer]\n"},
		{Path: "netbrk.target.wants/a.timer", Target: "/usr/lib/systemd/system/a.timer"},
	}
	for _, run := range []string{"first", "again"} {
		t.Run(run, func(t *testing.T) {
			require.NoError(t, generator.Write(dir, entries))
			text, err := os.ReadFile(filepath.Join(dir, "a.timer.d/50-netbrk.conf"))
			require.NoError(t, err)
			assert.Equal(t, "[Timer]\n", string(text))
			target, err := os.Readlink(filepath.Join(dir, "netbrk.target.wants/a.timer"))
			require.NoError(t, err)
			assert.Equal(t, "/usr/lib/systemd/system/a.timer", target)
			for _, below := range []string{"a.timer.d", "netbrk.target.wants"} {
				names, err := os.ReadDir(filepath.Join(dir, below))
				require.NoError(t, err)
				assert.Len(t, names, 1)
			}
		})
	}
}

// TestWriteFails has a directory in the place of a file: nothing half written
// stays beside it.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.timer.d/50-netbrk.conf")
	require.NoError(t, os.MkdirAll(filepath.Join(name, "full"), 0o755))
	err := generator.Write(dir, []generator.Entry{{Path: "a.timer.d/50-netbrk.conf", Text: "[Timer]\n"}})
	assert.ErrorContains(t, err, `writing "`+name+`": `)
	names, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	assert.Len(t, names, 1)
}
