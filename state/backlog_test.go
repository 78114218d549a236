package state

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBacklogs(t *testing.T) {
	root := filepath.Join(t.TempDir(), "state")
	backlogs, err := Backlogs(root)
	require.NoError(t, err)
	require.Len(t, backlogs, 5)
	for _, b := range backlogs {
		assert.Zero(t, b.Pending, b.Name)
	}

	s, _ := openSpool(t, root)
	put(t, s, stateEvent(2, "carrier", "no-carrier"))
	put(t, s, stateEvent(2, "routable", "carrier"))
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	names, err := visible(filepath.Join(root, eventsDir))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(filepath.Join(root, eventsDir, names[0]), old, old))
	require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, ".hidden.tmp"), nil, 0o644))
	backlogs, err = Backlogs(root)
	require.NoError(t, err)
	assert.Equal(t, "events", backlogs[0].Name)
	assert.Equal(t, 2, backlogs[0].Pending)
	assert.True(t, old.Equal(backlogs[0].Oldest), backlogs[0].Oldest)
	assert.NoDirExists(t, filepath.Join(root, rulesPendingDir), "a look makes nothing")

	require.NoError(t, os.WriteFile(filepath.Join(root, rulesPendingDir), nil, 0o644))
	backlogs, err = Backlogs(root)
	assert.ErrorContains(t, err, rulesPendingDir)
	assert.Len(t, backlogs, 4, "the others are told all the same")
}
