package subcmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	netbrk := func() { os.Exit(Main(os.Args, os.Stdout, os.Stderr)) }
	testscript.Main(m, map[string]func(){"netbrk": netbrk, generatorName: netbrk})
}

// linkProgram makes the program in a directory, and returns its path: by this name
// TestMain takes the test binary for it.
func linkProgram(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	program := filepath.Join(dir, "netbrk")
	require.NoError(t, os.Symlink(self, program))
	return program
}

// TestScripts runs the command line as a user does, each script in a directory
// of its own. None of them reads the host's configuration or state.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NETBRK_CONFIG", e.WorkDir+"/netbrk.toml")
			e.Setenv("NETBRK_STATE_DIR", e.WorkDir+"/state")
			return os.WriteFile(e.WorkDir+"/netbrk.toml", nil, 0o644)
		},
		RequireUniqueNames: true,
	})
}
