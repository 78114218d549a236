package state

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestMakeDirs: what the units' UMask=0077 would hide is there for all to read,
// and what others made stays as it is.
func TestMakeDirs(t *testing.T) {
	root := filepath.Join(t.TempDir(), "netbrk")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "theirs"), 0o700))
	defer unix.Umask(unix.Umask(0o077))
	require.NoError(t, makeDirs(root, "theirs", "ours", "ours/below"))
	for dir, mode := range map[string]fs.FileMode{"theirs": 0o700, "ours": 0o755, "ours/below": 0o755} {
		info, err := os.Stat(filepath.Join(root, dir))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), dir)
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	assert.ErrorIs(t, makeDirs(root, "file"), unix.ENOTDIR)
}

// TestNamesOfTheContract: path units, tmpfiles.d and the scripts of others know them.
func TestNamesOfTheContract(t *testing.T) {
	assert.Equal(t, []string{
		"events", "links", "failed", "rules", "rules-pending", "leases", "lease-events", "leases-pending",
		"cloud", "cloud/links", "cloud/provider", "cloud-pending", "hooks",
	}, []string{
		eventsDir, linksDir, failedDir, rulesDir, rulesPendingDir, leasesDir, leaseEventsDir, leasesPendingDir,
		cloudDir, cloudLinksDir, cloudProviderDir, cloudPendingDir, hooksDir,
	})
}
