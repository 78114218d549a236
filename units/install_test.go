package units_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// makeTarget runs make in the top directory, deaf to a make that runs the test.
func makeTarget(t *testing.T, args ...string) string {
	cmd := exec.Command("make", append([]string{"-s", "-C", ".."}, args...)...)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKEOVERRIDES=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// TestInstall installs into a fresh directory, twice, and uninstalls. Nothing is
// set-user-ID, or for others to write to.
func TestInstall(t *testing.T) {
	dest := t.TempDir()
	mk := func(target string) string { return makeTarget(t, target, "DESTDIR="+dest) }
	mk("install")
	first := tree(t, dest)
	for _, dir := range hostnet.Directories() {
		assert.Contains(t, first, "drwxr-xr-x etc/netbrk/"+dir)
	}
	assert.Contains(t, first, "-rwxr-xr-x usr/bin/netbrk")
	for _, line := range first {
		assert.Regexp(t, `^(Lrwxrwxrwx|drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) `, line)
	}
	generator, err := filepath.EvalSymlinks(filepath.Join(dest, "usr/lib/systemd/system-generators/netbrk-generator"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dest, "usr/bin/netbrk"), generator)
	for source, place := range shipped(t) {
		assert.Contains(t, first, "-rw-r--r-- "+place)
		want, err := os.ReadFile(source)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dest, place))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), place)
	}

	conf := filepath.Join(dest, "etc/netbrk/netbrk.toml")
	require.NoError(t, os.WriteFile(conf, []byte("# mine\n"), 0o644))
	mk("install")
	assert.Equal(t, first, tree(t, dest), "a second install changes nothing")
	kept, err := os.ReadFile(conf)
	require.NoError(t, err)
	assert.Equal(t, "# mine\n", string(kept), "an existing configuration is kept")

	hook := filepath.Join(dest, "etc/netbrk/routable.d/10-mine")
	require.NoError(t, os.WriteFile(hook, nil, 0o755))
	assert.Contains(t, mk("uninstall"), "/etc/netbrk/routable.d/10-mine")
	require.NoError(t, os.Remove(hook))
	require.NoError(t, os.Remove(conf))
	mk("install")
	mk("uninstall")
	for _, line := range tree(t, dest) {
		assert.True(t, strings.HasPrefix(line, "d"), "left behind: %s", line)
	}
	_, err = os.Stat(filepath.Join(dest, "etc/netbrk"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// shipped lists every file of the tree that install has to lay out, and where.
func shipped(t *testing.T) map[string]string {
	places := map[string]string{"../internal/config/netbrk.toml": "etc/netbrk/netbrk.toml"}
	add := func(pattern, dir string) {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			places[file] = filepath.Join(dir, filepath.Base(file))
		}
	}
	add("netbrk*.*", "usr/lib/systemd/system")
	add("sysusers.d/*", "usr/lib/sysusers.d")
	add("tmpfiles.d/*", "usr/lib/tmpfiles.d")
	add("system-preset/*", "usr/lib/systemd/system-preset")
	add("rt_protos.d/*", "etc/iproute2/rt_protos.d")
	for _, section := range []string{"1", "5", "7", "8"} {
		add("../man/*."+section, "usr/share/man/man"+section)
	}
	return places
}

// TestInstallPrefix installs elsewhere: the units must start what lies there.
func TestInstallPrefix(t *testing.T) {
	dest := t.TempDir()
	makeTarget(t, "install", "DESTDIR="+dest, "PREFIX=/usr/local")
	for _, name := range unitFiles(t) {
		text, err := os.ReadFile(filepath.Join(dest, "usr/local/lib/systemd/system", name))
		require.NoError(t, err)
		assert.NotContains(t, string(text), "/usr/bin/netbrk")
		want, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, strings.ReplaceAll(string(want), "/usr/bin/netbrk", "/usr/local/bin/netbrk"), string(text))
	}
	assert.FileExists(t, filepath.Join(dest, "usr/local/bin/netbrk"))
	assert.FileExists(t, filepath.Join(dest, "usr/local/lib/systemd/system-generators/netbrk-generator"))
	assert.FileExists(t, filepath.Join(dest, "etc/netbrk/netbrk.toml"), "the configuration does not follow PREFIX")
	makeTarget(t, "uninstall", "DESTDIR="+dest, "PREFIX=/usr/local")
	for _, line := range tree(t, dest) {
		assert.True(t, strings.HasPrefix(line, "d"), "left behind: %s", line)
	}
}

// tree lists what is below a directory, with modes.
func tree(t *testing.T, root string) []string {
	var lines []string
	require.NoError(t, filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, err := filepath.Rel(root, path)
		lines = append(lines, info.Mode().String()+" "+rel)
		return err
	}))
	return lines
}

func TestPreset(t *testing.T) {
	text, err := os.ReadFile("system-preset/90-netbrk.preset")
	require.NoError(t, err)
	rules := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "#")
	})
	assert.Equal(t, []string{"enable netbrk.target"}, rules)
}
