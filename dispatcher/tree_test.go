package dispatcher

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is a directory that a test trusts as if it were "/": the real one leads
// to it through a /tmp that everybody can write to.
type tree struct {
	t    *testing.T
	path string
}

func newTree(t *testing.T) tree {
	path, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o755)) // whatever the umask
	return tree{t: t, path: path}
}

func (r tree) trust() Trust { return Trust{UID: os.Geteuid(), Root: r.path} }

func (r tree) at(name string) string { return filepath.Join(r.path, name) }

// dir makes a directory and those above it, and gives it a mode.
func (r tree) dir(name string, mode os.FileMode) string {
	r.t.Helper()
	path := r.path
	for part := range strings.SplitSeq(name, "/") {
		path = filepath.Join(path, part)
		if err := os.Mkdir(path, 0o755); !os.IsExist(err) {
			require.NoError(r.t, err)
			require.NoError(r.t, os.Chmod(path, 0o755))
		}
	}
	require.NoError(r.t, os.Chmod(path, mode))
	return path
}

// file writes a file and the directories above it.
func (r tree) file(name, content string, mode os.FileMode) string {
	r.t.Helper()
	if _, err := os.Stat(filepath.Dir(r.at(name))); err != nil {
		r.dir(filepath.Dir(name), 0o755)
	}
	require.NoError(r.t, os.WriteFile(r.at(name), []byte(content), 0o600))
	require.NoError(r.t, os.Chmod(r.at(name), mode))
	return r.at(name)
}

func (r tree) script(name string) string {
	r.t.Helper()
	return r.file(name, "#!/bin/sh\n", 0o755)
}

// link makes a symbolic link to target, which is taken as it is.
func (r tree) link(name, target string) string {
	r.t.Helper()
	if _, err := os.Stat(filepath.Dir(r.at(name))); err != nil {
		r.dir(filepath.Dir(name), 0o755)
	}
	require.NoError(r.t, os.Symlink(target, r.at(name)))
	return r.at(name)
}
