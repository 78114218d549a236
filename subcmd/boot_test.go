package subcmd

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBootID: the kernel and systemd tell the same boot in two spellings.
func TestBootID(t *testing.T) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	require.NoError(t, err)
	want := strings.ReplaceAll(strings.TrimSpace(string(raw)), "-", "")
	require.Len(t, want, 32)
	assert.Equal(t, want, bootID())
	t.Setenv("NETBRK_BOOT_ID", want)
	assert.Equal(t, want, bootID())
	t.Setenv("NETBRK_BOOT_ID", "0123456789abcdef0123456789abcdef")
	assert.Equal(t, "0123456789abcdef0123456789abcdef", bootID(), "a unit is told by systemd")
}
