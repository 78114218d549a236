package systemd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHere(t *testing.T) {
	for _, tt := range []struct {
		name   string
		booted bool
		comm   string
		theirs string // PID 1's network namespace; none can be looked at if empty
		want   bool
	}{
		{"host", true, "systemd", "net:[1]", true},
		{"no systemd", false, "systemd", "net:[1]", false},
		{"network namespace of our own", true, "systemd", "net:[2]", false},
		{"PID namespace of our own", true, "sh", "net:[1]", false},
		{"user namespace of our own", true, "systemd", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for _, dir := range []string{"proc/self/ns", "proc/1/ns", "run/systemd"} {
				require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
			}
			require.NoError(t, os.Symlink("net:[1]", filepath.Join(root, "proc/self/ns/net")))
			require.NoError(t, os.WriteFile(filepath.Join(root, "proc/1/comm"), []byte(tt.comm+"\n"), 0o644))
			if tt.theirs != "" {
				require.NoError(t, os.Symlink(tt.theirs, filepath.Join(root, "proc/1/ns/net")))
			}
			if tt.booted {
				require.NoError(t, os.Mkdir(filepath.Join(root, "run/systemd/system"), 0o755))
			}
			assert.Equal(t, tt.booted, booted(root+"/"))
			assert.Equal(t, tt.want, here(root+"/"))
		})
	}
}
