package subcmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/config"
)

func TestRivalDispatcher(t *testing.T) {
	const unit = "system.slice/networkd-dispatcher.service/cgroup.procs"
	wanted := &config.Config{System: config.System{NetworkdDispatcher: true}}
	for _, test := range []struct {
		name, file, procs string
		cfg               *config.Config
		want              string
	}{
		{"unified", unit, "71\n", wanted, "networkd-dispatcher.service"},
		{"hybrid", "unified/" + unit, "71\n", wanted, "networkd-dispatcher.service"},
		{"legacy", "systemd/" + unit, "71\n72\n", wanted, "networkd-dispatcher.service"},
		{"a group without a process", unit, "", wanted, ""},
		{"another unit", "system.slice/ssh.service/cgroup.procs", "71\n", wanted, ""},
		{"its scripts are its own", unit, "71\n", &config.Config{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, "sys/fs/cgroup", test.file)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(test.procs), 0o644))
			assert.Equal(t, test.want, rivalDispatcher(test.cfg, root))
		})
	}
	assert.Empty(t, rivalDispatcher(wanted, t.TempDir()), "no control groups at all")
}
