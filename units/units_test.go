// Package units_test checks the systemd files with systemd's own tools.
package units_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// tool finds a systemd tool; CI has it.
func tool(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("no %s on this machine", name)
	}
	require.NoError(t, err)
	return path
}

func unitFiles(t *testing.T) []string {
	files, err := filepath.Glob("netbrk*.*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// staged copies the units to a directory where what they start exists.
func staged(t *testing.T) []string {
	dir := t.TempDir()
	binary := filepath.Join(dir, "netbrk")
	require.NoError(t, os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o755))
	var paths []string
	for _, name := range unitFiles(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "/usr/bin/netbrk", binary)), 0o644))
		paths = append(paths, path)
	}
	return paths
}

func TestUnitsVerify(t *testing.T) {
	// Without --recursive-errors=no a misspelt key exits with 0.
	args := append([]string{"verify", "--man=no", "--recursive-errors=no"}, staged(t)...)
	out, err := exec.Command(tool(t, "systemd-analyze"), args...).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Empty(t, string(out))
}

func TestUnitsExposure(t *testing.T) {
	for unit, most := range map[string]float64{"netbrk-watch.service": 0.8} {
		t.Run(unit, func(t *testing.T) {
			out, err := exec.Command(tool(t, "systemd-analyze"), "security", "--no-pager", "--offline=yes", unit).CombinedOutput()
			require.NoError(t, err, string(out))
			m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(string(out))
			require.NotNil(t, m, string(out))
			level, err := strconv.ParseFloat(m[1], 64)
			require.NoError(t, err)
			t.Logf("%s: exposure %.1f", unit, level)
			assert.LessOrEqual(t, level, most)
		})
	}
}

// execLine is a command of ours in a unit: the binary, a verb, its flags.
var execLine = regexp.MustCompile(`(?m)^ExecStart=/usr/bin/netbrk (\S+)(.*)$`)

// TestUnitsCommands runs the help of each verb that a unit starts.
func TestUnitsCommands(t *testing.T) {
	found := 0
	for _, name := range unitFiles(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range execLine.FindAllStringSubmatch(string(text), -1) {
			found++
			out, err := exec.Command("go", "run", "../cmd/netbrk", m[1], "--help").CombinedOutput()
			require.NoError(t, err, string(out))
			for _, flag := range strings.Fields(m[2]) {
				flag, _, _ = strings.Cut(flag, "=")
				assert.Contains(t, string(out), flag, "%s uses a flag that %q lacks", name, m[1])
			}
		}
	}
	assert.Equal(t, 2, found)
}

// TestInstall installs into a fresh directory, twice, and uninstalls.
func TestInstall(t *testing.T) {
	dest := t.TempDir()
	mk := func(target string) string {
		cmd := exec.Command("make", "-s", "-C", "..", target, "DESTDIR="+dest)
		cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	mk("install")
	first := tree(t, dest)
	for _, dir := range hostnet.Directories() {
		assert.Contains(t, first, "drwxr-xr-x etc/netbrk/"+dir)
	}
	assert.Contains(t, first, "-rwxr-xr-x usr/bin/netbrk")
	assert.Contains(t, first, "-rw-r--r-- etc/netbrk/netbrk.toml")
	assert.Contains(t, first, "-rw-r--r-- etc/iproute2/rt_protos.d/netbrk.conf")
	for _, unit := range unitFiles(t) {
		assert.Contains(t, first, "-rw-r--r-- usr/lib/systemd/system/"+unit)
	}
	for _, dir := range []string{"sysusers.d", "tmpfiles.d"} {
		assert.Contains(t, first, "-rw-r--r-- usr/lib/"+dir+"/netbrk.conf")
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

// TestUnitsTables parses the sysusers.d and tmpfiles.d files by running the
// tools into a directory of the test's own.
func TestUnitsTables(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("systemd-tmpfiles gives directories to their owners: root only")
	}
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755)) // it locks /etc/passwd there
	for _, args := range [][]string{
		{"systemd-sysusers", "--root=" + root, "sysusers.d/netbrk.conf"},
		{"systemd-tmpfiles", "--root=" + root, "--create", "tmpfiles.d/netbrk.conf"},
	} {
		path, err := filepath.Abs(args[len(args)-1])
		require.NoError(t, err)
		args[len(args)-1] = path
		out, err := exec.Command(tool(t, args[0]), args[1:]...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	passwd, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	require.NoError(t, err)
	assert.Contains(t, string(passwd), "netbrk:x:")
	for _, dir := range []string{"events", "links", "rules-pending", "hooks", "failed"} {
		info, err := os.Stat(filepath.Join(root, "run/netbrk", dir))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
	}
}

func TestPreset(t *testing.T) {
	text, err := os.ReadFile("system-preset/90-netbrk.preset")
	require.NoError(t, err)
	assert.Equal(t, "enable netbrk.target\n", string(text))
}
