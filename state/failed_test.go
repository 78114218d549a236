package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFailuresAreBounded(t *testing.T) {
	root := t.TempDir()
	openSpool(t, root)
	for i := range maxFailed + 20 {
		require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, fmt.Sprintf("bad-%03d", i)), nil, 0o644))
	}
	assert.Empty(t, drainAll(t, openQueue(t, root)))
	assert.Empty(t, eventFiles(t, root))
	failures, err := Failures(root)
	require.NoError(t, err)
	assert.Len(t, failures, maxFailed)
}

// TestFailuresThoughClockGoesBack: what was refused since is the newest, and is what
// is kept.
func TestFailuresThoughClockGoesBack(t *testing.T) {
	root := t.TempDir()
	openSpool(t, root)
	require.NoError(t, makeDirs(root, failedDir))
	ahead := time.Now().Add(24 * time.Hour)
	for i := range maxFailed { // by the names and the times of a clock that was ahead
		at := ahead.Add(time.Duration(i))
		data, err := json.Marshal(Failure{Entry: "before", Time: at})
		require.NoError(t, err)
		require.NoError(t, writeFile(filepath.Join(root, failedDir), strconv.FormatInt(at.UnixNano(), 10)+".json", data, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, "after"), nil, 0o644))
	assert.Empty(t, drainAll(t, openQueue(t, root)))
	failures, err := Failures(root)
	require.NoError(t, err)
	require.Len(t, failures, maxFailed)
	assert.Equal(t, "after", failures[maxFailed-1].Entry)
}

// TestFailuresPassOneBy: a record that is cut, or of another version, keeps nobody
// from reading the others.
func TestFailuresPassOneBy(t *testing.T) {
	root := t.TempDir()
	for _, entry := range []string{"first", "cut", "last"} {
		require.NoError(t, keepFailure(root, entry, "refused"))
	}
	for _, content := range []string{"{", `{"entry":7}`} {
		require.NoError(t, os.WriteFile(filepath.Join(root, failedDir, "2.json"), []byte(content), 0o644))
		failures, err := Failures(root)
		require.NoError(t, err)
		require.Len(t, failures, 2, content)
		assert.Equal(t, []string{"first", "last"}, []string{failures[0].Entry, failures[1].Entry})
	}
}
