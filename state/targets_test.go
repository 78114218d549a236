package state

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTargetsSettled(t *testing.T) {
	root := t.TempDir()
	h, err := OpenHooks(root)
	require.NoError(t, err)
	assert.False(t, h.TargetsSettled("!lo"), "at first nothing is known")
	require.NoError(t, h.UnsettleTargets())
	require.NoError(t, h.SettleTargets("!lo"))
	assert.True(t, h.TargetsSettled("!lo"))
	assert.True(t, LookAtHooks(root).TargetsSettled("!lo"))
	assert.False(t, h.TargetsSettled("eth*"), "of other links nothing is known")
	require.NoError(t, h.UnsettleTargets())
	assert.False(t, h.TargetsSettled("!lo"))

	file := filepath.Join(root, "hooks", "targets.json")
	for _, content := range []string{"", "!lo", `{"links":"!lo"}`} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		assert.False(t, h.TargetsSettled("!lo"), content)
	}
}
