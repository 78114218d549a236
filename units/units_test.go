// Package units_test checks the systemd files with systemd's own tools.
package units_test

import (
	"bytes"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/cloud/providers"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/dhclient"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/hosttest"
	"github.com/netbrk/netbrk/subcmd"
)

// tool finds a systemd tool.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		hosttest.Lacks(t, "no %s on this machine", name)
	}
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
	for unit, most := range map[string]float64{
		"netbrk-watch.service": 0.8, "netbrk-api.service": 0.7, "netbrk-rules.service": 1.3, "netbrk-apply-rules@.service": 1.3,
		// Internet sockets count 0.3, and an IPAddressAllow= of whatever address 0.1.
		"netbrk-cloud-sync.service": 1.7,
		// uid 0, in a root of its own, makes 0.3 more than the watcher has.
		"netbrk-dhclient.service": 1.0,
	} {
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

// setting returns the values that a unit gives to a key, in order.
func setting(t *testing.T, unit, key string) []string {
	t.Helper()
	text, err := os.ReadFile(unit)
	require.NoError(t, err)
	var values []string
	for _, m := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		values = append(values, m[1])
	}
	return values
}

func TestUnitsCapabilities(t *testing.T) {
	for unit, want := range map[string]string{
		"netbrk-watch.service": "", "netbrk-api.service": "", "netbrk-rules.service": "CAP_NET_ADMIN", "netbrk-apply-rules@.service": "CAP_NET_ADMIN",
		"netbrk-cloud-sync.service": "CAP_NET_ADMIN", "netbrk-dhclient.service": "",
	} {
		assert.Equal(t, []string{want}, setting(t, unit, "CapabilityBoundingSet"), unit)
		assert.Equal(t, []string{""}, setting(t, unit, "AmbientCapabilities"), unit)
		assert.Equal(t, []string{"yes"}, setting(t, unit, "NoNewPrivileges"), unit)
	}
}

// confinement returns what confines a service, in order, without the keys that
// are the service's own.
func confinement(t *testing.T, unit string, own ...string) []string {
	t.Helper()
	own = append(own, "ExecStart", "SuccessExitStatus", "Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStartSec")
	text, err := os.ReadFile(unit)
	require.NoError(t, err)
	_, service, found := strings.Cut(string(text), "\n[Service]\n")
	require.True(t, found, unit)
	return slices.DeleteFunc(strings.Split(service, "\n"), func(line string) bool {
		key, _, found := strings.Cut(line, "=")
		return !found || strings.HasPrefix(line, "#") || slices.Contains(own, key)
	})
}

// TestUnitsConfinement holds the two services of apply-rules to one sandbox, and
// those of cloud-sync and dhclient to the same one but for what they read, write
// and ask.
func TestUnitsConfinement(t *testing.T) {
	assert.Equal(t, confinement(t, "netbrk-rules.service"), confinement(t, "netbrk-apply-rules@.service"))
	differs := []string{"RuntimeDirectory", "BindReadOnlyPaths", "BindPaths", "RestrictAddressFamilies", "IPAddressAllow"}
	assert.Equal(t, confinement(t, "netbrk-rules.service", differs...), confinement(t, "netbrk-cloud-sync.service", differs...))
	differs = append(differs, "CapabilityBoundingSet", "PrivateUsers", "Environment")
	assert.Equal(t, confinement(t, "netbrk-rules.service", differs...), confinement(t, "netbrk-dhclient.service", differs...))
	assert.Equal(t, []string{"AF_NETLINK AF_UNIX"}, setting(t, "netbrk-dhclient.service", "RestrictAddressFamilies"))
	assert.Equal(t, []string{"any"}, setting(t, "netbrk-cloud-sync.service", "IPAddressDeny"))
	assert.Equal(t, []string{"AF_NETLINK AF_INET AF_INET6"}, setting(t, "netbrk-cloud-sync.service", "RestrictAddressFamilies"))
}

// TestUnitsMetadata: cloud-sync can reach the services of all clouds, and nothing else.
func TestUnitsMetadata(t *testing.T) {
	var allowed []string
	for _, line := range setting(t, "netbrk-cloud-sync.service", "IPAddressAllow") {
		for _, word := range strings.Fields(line) {
			addr, err := netip.ParseAddr(word) // not a prefix, and none of systemd's words
			require.NoError(t, err)
			allowed = append(allowed, addr.String())
		}
	}
	asked := map[string]bool{}
	for _, p := range providers.All() {
		for _, base := range p.Endpoint().Bases {
			u, err := url.Parse(strings.ReplaceAll(base, "%LINK", ""))
			require.NoError(t, err)
			asked[u.Hostname()] = true
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(asked)), allowed)
}

// TestUnitsTargets: every state of a link has its target, which stopping netbrk
// leaves alone.
func TestUnitsTargets(t *testing.T) {
	var want []string
	for _, state := range hostnet.LinkStates() {
		want = append(want, dispatcher.TargetName(state, ""))
	}
	targets, err := filepath.Glob("netbrk-*.target")
	require.NoError(t, err)
	assert.ElementsMatch(t, want, targets)
	told := make(map[string]bool)
	for _, unit := range targets {
		description := setting(t, unit, "Description")
		require.Len(t, description, 1, unit)
		assert.Contains(t, description[0], "%I", unit)
		assert.False(t, told[description[0]], description[0])
		told[description[0]] = true
		for _, key := range []string{"PartOf", "BindsTo", "Requires", "StopWhenUnneeded", "DefaultDependencies", "WantedBy"} {
			assert.Empty(t, setting(t, unit, key), unit)
		}
	}
}

// TestUnitsRestart: a service that a path unit starts must wait after whatever
// failure, since what started it is still there.
func TestUnitsRestart(t *testing.T) {
	paths, err := filepath.Glob("netbrk*.path")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		service := strings.TrimSuffix(path, ".path") + ".service"
		assert.Equal(t, []string{"on-failure"}, setting(t, service, "Restart"), service)
		assert.NotEmpty(t, setting(t, service, "RestartSec"), service)
		// Only a service that takes its entries in any case may stay down.
		if service == "netbrk-hooks.service" {
			assert.Empty(t, setting(t, service, "RestartPreventExitStatus"), service)
		}
		assert.Equal(t, []string{"0"}, setting(t, service, "StartLimitIntervalSec"), service)
		assert.NotEmpty(t, setting(t, service, "TimeoutStartSec"), service)
	}
}

// TestUnitsBoot: services that ask what the cloud told in this boot are told which it
// is, since their /proc does not tell.
func TestUnitsBoot(t *testing.T) {
	for _, unit := range []string{"netbrk-cloud-sync.service", "netbrk-rules.service", "netbrk-apply-rules@.service", "netbrk-api.service"} {
		assert.Equal(t, []string{"pid"}, setting(t, unit, "ProcSubset"), unit)
		assert.Contains(t, setting(t, unit, "Environment"), "NETBRK_BOOT_ID=%b", unit)
	}
}

// TestUnitsAPI: the socket is the one of the configuration's default, and its service
// has a user of its own, sees no network and none of the sockets in /run.
func TestUnitsAPI(t *testing.T) {
	assert.Equal(t, []string{config.Default("").Network.Listen.String()}, setting(t, "netbrk-api.socket", "ListenStream"))
	assert.Equal(t, []string{"yes"}, setting(t, "netbrk-api.service", "DynamicUser"))
	assert.Empty(t, setting(t, "netbrk-api.service", "User"), "one that there is would not be its own")
	assert.Equal(t, []string{"yes"}, setting(t, "netbrk-api.service", "PrivateNetwork"))
	assert.Equal(t, []string{"/run:ro /var:ro"}, setting(t, "netbrk-api.service", "TemporaryFileSystem"))
	assert.Contains(t, setting(t, "netbrk.target", "Wants")[0], "netbrk-api.socket")
}

// execLine is a command of ours in a unit: the binary, a verb, its flags.
var execLine = regexp.MustCompile(`(?m)^Exec\w+=:?/usr/bin/netbrk (\S+)(.*)$`)

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
			flags, _, _ := strings.Cut(m[2], " -- ")
			for _, flag := range strings.Fields(flags) {
				flag, _, _ = strings.Cut(flag, "=")
				assert.Contains(t, stdout.String(), "\n   "+flag+" ", "%s uses a flag that %q lacks", name, m[1])
			}
		}
	}
	assert.Equal(t, map[string]string{
		"netbrk-watch.service": "watch", "netbrk-hooks.service": "run-hooks", "netbrk-api.service": "api",
		"netbrk-rules.service": "apply-rules", "netbrk-apply-rules@.service": "apply-rules",
		"netbrk-cloud-sync.service": "cloud-sync", "netbrk-dhclient.service": "run-hooks",
	}, started)
}

// TestUnitsDirectories holds the directories that systemd makes for the units
// to those of tmpfiles.d: neither may have one that the other lacks, or give it
// to another user. What is pending, with its two writers, is of tmpfiles.d alone.
func TestUnitsDirectories(t *testing.T) {
	made := map[string]string{
		"/run/netbrk": "0755 root root", "/run/netbrk/rules-pending": "0775 root netbrk",
		"/run/netbrk/leases-pending": "0775 root netbrk", "/run/netbrk/cloud-pending": "0775 root netbrk",
	}
	for _, name := range unitFiles(t) {
		owner := "root"
		if user := setting(t, name, "User"); len(user) > 0 {
			owner = user[0]
		}
		for _, dirs := range setting(t, name, "RuntimeDirectory") {
			assert.Equal(t, []string{"yes"}, setting(t, name, "RuntimeDirectoryPreserve"), "%s takes its state along when it ends", name)
			for _, dir := range strings.Fields(dirs) {
				made["/run/"+dir] = "0755 " + owner + " " + owner
			}
		}
	}
	require.Greater(t, len(made), 2)
	// Empty but for mount points, and of no use to anybody but its services.
	delete(made, "/run/netbrk/root")
	text, err := os.ReadFile("tmpfiles.d/netbrk.conf")
	require.NoError(t, err)
	listed := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^d +(\S+) +(\S+) +(\S+) +(\S+)$`).FindAllStringSubmatch(string(text), -1) {
		listed[m[1]] = strings.Join(m[2:], " ")
	}
	assert.Equal(t, made, listed)
}

// TestUnitsPending: the watcher may write where its events for other oneshots than
// the hooks' go, and sees to it that they can go there.
func TestUnitsPending(t *testing.T) {
	var dirs []string
	for _, of := range []struct{ dir, unit string }{
		{"/run/netbrk/rules-pending", "netbrk-rules"}, {"/run/netbrk/leases-pending", "netbrk-dhclient"},
		{"/run/netbrk/cloud-pending", "netbrk-cloud-sync"},
	} {
		assert.Equal(t, []string{of.dir}, setting(t, of.unit+".path", "DirectoryNotEmpty"))
		assert.Contains(t, strings.Fields(setting(t, of.unit+".service", "BindPaths")[0]), "-"+of.dir)
		dirs = append(dirs, "-"+of.dir)
	}
	assert.Equal(t, []string{strings.Join(dirs, " ")}, setting(t, "netbrk-watch.service", "ReadWritePaths"))
	assert.Equal(t, []string{"-+systemd-tmpfiles --create netbrk.conf"}, setting(t, "netbrk-watch.service", "ExecStartPre"))
}

// TestUnitsLeases: the service sees what starts it, and events of leases start the
// hooks. A list that a drop-in empties is of PathModified= and DirectoryNotEmpty=
// alike, so each is one.
func TestUnitsLeases(t *testing.T) {
	dirs := setting(t, "netbrk-dhclient.path", "PathModified")
	assert.Equal(t, dhclient.Places(config.Default("").System.LeaseFiles), dirs, "those of the default, for which nothing is generated")
	read := strings.Fields(strings.Join(setting(t, "netbrk-dhclient.service", "BindReadOnlyPaths"), " "))
	for _, dir := range dirs {
		assert.Contains(t, read, "-"+dir)
	}
	assert.Equal(t, []string{"/run/netbrk/events", "/run/netbrk/lease-events"}, setting(t, "netbrk-hooks.path", "DirectoryNotEmpty"))
	assert.Empty(t, setting(t, "netbrk-dhclient.path", "WantedBy"), "netbrk-generator has it started")
	assert.NotContains(t, setting(t, "netbrk.target", "Wants")[0], "dhclient")
}

// TestUnitsCloudState: apply-rules reads what cloud-sync added, and cannot write
// it.
func TestUnitsCloudState(t *testing.T) {
	for _, unit := range []string{"netbrk-rules.service", "netbrk-apply-rules@.service"} {
		read := strings.Fields(strings.Join(setting(t, unit, "BindReadOnlyPaths"), " "))
		assert.Contains(t, read, "-/run/netbrk/cloud", unit)
		assert.NotContains(t, setting(t, unit, "RuntimeDirectory")[0], "netbrk/cloud", unit)
	}
}

// TestUnitsRefresh: by default metadata is asked for as often as RefreshTimer says
// by its own, and not on every machine.
func TestUnitsRefresh(t *testing.T) {
	const timer = "netbrk-cloud-sync.timer"
	every, err := time.ParseDuration(setting(t, timer, "OnUnitInactiveSec")[0])
	require.NoError(t, err)
	assert.Equal(t, config.Default("").System.RefreshTimer, every)
	for _, other := range []string{"OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnCalendar"} {
		assert.Empty(t, setting(t, timer, other), "a drop-in for RefreshTimer empties OnUnitInactiveSec= alone")
	}
	assert.Equal(t, []string{"yes"}, setting(t, timer, "FixedRandomDelay"))
	assert.NotEmpty(t, setting(t, timer, "RandomizedDelaySec"))
	for _, unit := range []string{timer, "netbrk-cloud-sync.path"} {
		assert.Empty(t, setting(t, unit, "WantedBy"), "netbrk-generator has %s started", unit)
		assert.NotContains(t, setting(t, "netbrk.target", "Wants")[0], unit)
	}
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
	for dir, mode := range map[string]os.FileMode{
		"events": 0o755, "links": 0o755, "rules-pending": 0o775, "rules": 0o755, "hooks": 0o755, "failed": 0o755,
		"cloud-pending": 0o775, "cloud": 0o755, "leases-pending": 0o775, "leases": 0o755, "lease-events": 0o755,
	} {
		info, err := os.Stat(filepath.Join(root, "run/netbrk", dir))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), dir)
	}
}
