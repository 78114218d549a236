package subcmd

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/state"
)

// TestOutcomeIsSavedAlone: a run that has nothing more to do but to say so leaves the
// files alone that another one is about to write.
func TestOutcomeIsSavedAlone(t *testing.T) {
	root := filepath.Join(t.TempDir(), "state")
	store, err := state.OpenCloud(root)
	require.NoError(t, err)
	another, err := state.LockRules(t.Context(), root)
	require.NoError(t, err)
	unfinished := filepath.Join(root, "cloud", "links", ".2.json.tmp")
	require.NoError(t, os.WriteFile(unfinished, nil, 0o644))

	s := &cloudRun{rulesRun: &rulesRun{stateDir: root}, store: store, found: cloud.Detection{Provider: "aws"}}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // at once: the lock is taken
	require.ErrorIs(t, s.saveOutcome(ended, outcomeFailed), context.Canceled)
	assert.FileExists(t, unfinished)

	another.Unlock()
	require.NoError(t, s.saveOutcome(t.Context(), outcomeFailed))
	assert.Equal(t, outcomeFailed, store.Sync().Outcome)
}
