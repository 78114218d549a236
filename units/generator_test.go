package units_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/subcmd"
)

// every has each key that the generator turns into something.
const every = `[System]
RefreshTimer = "1m1500ms"
Generator = "dhclient"
LeaseFiles = ["/srv/100% of:it/*.leases"]

[Network]
Listen = "[fe80::1%eth0]:5210"

[Cloud]
Provider = "aws"
`

// TestUnitsGenerated has systemd read what the generator makes of netbrk.toml, with
// the units.
func TestUnitsGenerated(t *testing.T) {
	units := staged(t)
	dir := filepath.Dir(units[0])
	conf := filepath.Join(t.TempDir(), "netbrk.toml")
	require.NoError(t, os.WriteFile(conf, []byte(every), 0o644))
	t.Setenv("NETBRK_CONFIG", conf)
	var stdout, stderr bytes.Buffer
	require.Zero(t, subcmd.Main([]string{"netbrk-generator", dir, dir, dir}, &stdout, &stderr), stderr.String())
	verify := func() (string, error) {
		args := append([]string{"verify", "--man=no", "--recursive-errors=no"}, units...)
		out, err := exec.Command(tool(t, "systemd-analyze"), args...).CombinedOutput()
		return string(out), err
	}
	out, err := verify()
	require.NoError(t, err, out)
	assert.Empty(t, out)

	// That it does read them shows when one is spoilt.
	dropIns, err := filepath.Glob(filepath.Join(dir, "*.d/*.conf"))
	require.NoError(t, err)
	require.Len(t, dropIns, 4)
	for _, name := range dropIns {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, append(text, "Spoilt=yes\n"...), 0o644))
		out, err := verify()
		require.Error(t, err, name)
		assert.Contains(t, out, "Spoilt", name)
		require.NoError(t, os.WriteFile(name, text, 0o644))
	}
}
