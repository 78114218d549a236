package cloud

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLinks has the links of containers, which come before all others by their name.
func TestLinks(t *testing.T) {
	root := t.TempDir()
	_, err := Links(root)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, name := range []string{"cali0a1b", "ens3/device", "eth0/device", "lo", "veth1"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "sys/class/net", name), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "sys/class/net/bonding_masters"), nil, 0o644))
	got, err := Links(root)
	require.NoError(t, err)
	assert.Equal(t, []string{"ens3", "eth0", "cali0a1b", "veth1"}, got)
}
