// Package units_test checks the systemd files with systemd's own tools.
package units_test

import (
	"bytes"
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
	"github.com/netbrk/netbrk/subcmd"
)

// tool finds a systemd tool; CI has it.
func tool(t *testing.T, name string) string {
	t.Helper()
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
			// A bare name would be that of an installed unit.
			out, err := exec.Command(tool(t, "systemd-analyze"), "security", "--no-pager", "--offline=yes", "./"+unit).CombinedOutput()
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
var execLine = regexp.MustCompile(`(?m)^Exec\w+=/usr/bin/netbrk (\S+)(.*)$`)

// TestUnitsCommands looks for what the units start in the help of its verb.
func TestUnitsCommands(t *testing.T) {
	started := make(map[string]string)
	for _, name := range unitFiles(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range execLine.FindAllStringSubmatch(string(text), -1) {
			started[name] = m[1]
			var stdout, stderr bytes.Buffer
			require.Zero(t, subcmd.Main([]string{"netbrk", m[1], "--help"}, &stdout, &stderr), stderr.String())
			for _, flag := range strings.Fields(m[2]) {
				flag, _, _ = strings.Cut(flag, "=")
				assert.Contains(t, stdout.String(), "\n   "+flag+" ", "%s uses a flag that %q lacks", name, m[1])
			}
		}
	}
	assert.Equal(t, map[string]string{"netbrk-watch.service": "watch", "netbrk-hooks.service": "run-hooks"}, started)
}

// TestUnitsDirectories holds the directories that systemd makes for the units
// to those of tmpfiles.d: neither may have one that the other lacks, or give it
// to another user.
func TestUnitsDirectories(t *testing.T) {
	owners := make(map[string]string)
	for _, name := range unitFiles(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		owner := "root"
		if m := regexp.MustCompile(`(?m)^User=(\S+)$`).FindStringSubmatch(string(text)); m != nil {
			owner = m[1]
		}
		if m := regexp.MustCompile(`(?m)^RuntimeDirectory=(.+)$`).FindStringSubmatch(string(text)); m != nil {
			assert.Contains(t, string(text), "\nRuntimeDirectoryPreserve=yes\n", "%s takes its state along when it ends", name)
			for _, dir := range strings.Fields(m[1]) {
				owners["/run/"+dir] = owner
			}
		}
	}
	require.NotEmpty(t, owners)
	text, err := os.ReadFile("tmpfiles.d/netbrk.conf")
	require.NoError(t, err)
	listed := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^d +(\S+) +0755 +(\S+) +(\S+)$`).FindAllStringSubmatch(string(text), -1) {
		assert.Equal(t, m[2], m[3], "owner and group of %s", m[1])
		listed[m[1]] = m[2]
	}
	assert.Equal(t, "root", listed["/run/netbrk"], "else the watcher could swap the directories that root trusts")
	delete(listed, "/run/netbrk")
	assert.Equal(t, listed, owners)
}

// makeTarget runs make in the top directory, deaf to a make that runs the test.
func makeTarget(t *testing.T, args ...string) string {
	cmd := exec.Command("make", append([]string{"-s", "-C", ".."}, args...)...)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKEOVERRIDES=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// TestInstall installs into a fresh directory, twice, and uninstalls.
func TestInstall(t *testing.T) {
	dest := t.TempDir()
	mk := func(target string) string { return makeTarget(t, target, "DESTDIR="+dest) }
	mk("install")
	first := tree(t, dest)
	for _, dir := range hostnet.Directories() {
		assert.Contains(t, first, "drwxr-xr-x etc/netbrk/"+dir)
	}
	assert.Contains(t, first, "-rwxr-xr-x usr/bin/netbrk")
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
	for _, section := range []string{"1", "5", "7"} {
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
