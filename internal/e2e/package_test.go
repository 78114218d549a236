//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func made(t *testing.T, args ...string) {
	t.Helper()
	_, err := runMake(t.Context(), args...)
	require.NoError(t, err)
}

// onHost runs a program on this machine.
func onHost(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

// oldVersion comes before whatever git says.
const oldVersion = "0.0~older"

// built are what make deb and make rpm have built, and of deb an older version.
type built struct{ deb, rpm, older string }

func buildPackages(t *testing.T) built {
	t.Helper()
	dir := t.TempDir()
	p := built{deb: dir + "/netbrk.deb", rpm: dir + "/netbrk.rpm", older: dir + "/older.deb"}
	made(t, "deb", "PACKAGE_VERSION="+oldVersion)
	onHost(t, "cp", "../../bin/packages/netbrk.deb", p.older)
	made(t, "deb", "rpm")
	onHost(t, "cp", "../../bin/packages/netbrk.deb", "../../bin/packages/netbrk.rpm", dir)
	return p
}

// TestPackages builds the packages, looks at them, and takes a machine through the
// life of one.
func TestPackages(t *testing.T) {
	Require(t)
	p := buildPackages(t)
	t.Run("contents", func(t *testing.T) { testContents(t, p) })
	t.Run("rpm in a root", func(t *testing.T) { testRPM(t, p) })
	var before [2]string // of each suite, but that they are not touched does not depend on it
	fleet := newFleet(t, func(ctx context.Context, m *Machine) error {
		return installOlder(ctx, m, p, &before[slices.Index(Suites(), m.Suite)])
	})
	fleet.Each(t, func(t *testing.T, w *World) {
		for _, test := range []struct {
			name string
			run  func(script)
		}{
			{"installed in an image", packageInImage},
			{"upgrade", packageUpgraded},
			{"disabled", packageDisabled},
			{"remove", packageRemoved},
			{"purge", func(s script) { packagePurged(s, before[slices.Index(Suites(), w.Machine.Suite)]) }},
			{"install", packageInstalled},
		} {
			if !t.Run(test.name, func(t *testing.T) { test.run(on(t, w)) }) {
				break // what follows builds on it
			}
		}
	})
}

// testContents: the packages have what make install lays out, and lintian has
// nothing to say.
func testContents(t *testing.T, p built) {
	dest := t.TempDir()
	made(t, "install", "DESTDIR="+dest)
	var want []string
	require.NoError(t, filepath.WalkDir(dest, func(name string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			want = append(want, strings.TrimPrefix(name, dest))
		}
		return err
	}))
	// Files by their names as installed, without what a distribution asks for.
	files := func(names []string) []string {
		var found []string
		for _, name := range names {
			name = strings.TrimSuffix(name, ".gz")
			if !strings.HasPrefix(name, "/usr/share/doc/") && !strings.HasPrefix(name, "/usr/share/lintian/") {
				found = append(found, name)
			}
		}
		return found
	}
	var deb []string
	for line := range strings.Lines(onHost(t, "dpkg", "--contents", p.deb)) {
		fields := strings.Fields(line)
		assert.Equal(t, "root/root", fields[1], line)
		if !strings.HasPrefix(line, "d") {
			deb = append(deb, strings.TrimPrefix(fields[5], "."))
		}
	}
	assert.ElementsMatch(t, want, files(deb))
	var rpm []string
	for line := range strings.Lines(onHost(t, "rpm", "--query", "--package", "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]", p.rpm)) {
		if fields := strings.Fields(line); !strings.HasPrefix(line, "d") {
			rpm = append(rpm, fields[1])
		}
	}
	assert.ElementsMatch(t, want, files(rpm))
	const etc = "/etc/iproute2/rt_protos.d/netbrk.conf\n/etc/netbrk/netbrk.toml"
	assert.Equal(t, etc, onHost(t, "rpm", "--query", "--configfiles", "--package", p.rpm))
	assert.Equal(t, etc, onHost(t, "dpkg", "--info", p.deb, "conffiles"))
	assert.Empty(t, onHost(t, "lintian", "--allow-root", "--fail-on", "error,warning", p.deb))
}

// testRPM installs and erases it in a root that nothing runs in.
func testRPM(t *testing.T, p built) {
	cache := CacheFor(t)
	root, err := cache.Root(t.Context(), Suites()[0])
	require.NoError(t, err)
	defer root.Release()
	m, err := cache.NewMachine(root)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	rpm := func(args ...string) {
		t.Helper()
		// Inside, since its database follows no link of /proc.
		mounts := "--mount=" + strings.TrimSuffix(m.thread.path(), "/root") + "/ns/mnt"
		onHost(t, append([]string{"nsenter", mounts, "rpm", "--force-debian", "--root", rootDir, "--dbpath", "/var/lib/rpm", "--nodeps"}, args...)...)
	}
	exists := func(path string) bool {
		_, err := os.Lstat(m.Root() + path)
		return err == nil
	}
	const enabled = "/etc/systemd/system/multi-user.target.wants/netbrk.target"
	rpm("--install", p.rpm)
	assert.True(t, exists("/usr/lib/systemd/system-generators/netbrk-generator"))
	assert.True(t, exists(enabled))
	out, err := m.Run(t.Context(), "getent", "passwd", "netbrk")
	require.NoError(t, err)
	assert.Contains(t, out, "netbrk:")
	rpm("--erase", "netbrk")
	for _, path := range []string{"/usr/bin/netbrk", "/etc/netbrk", enabled, "/run/netbrk"} {
		assert.False(t, exists(path), path)
	}
}

// kept are the files of a machine that packages may change.
const kept = "find /etc /usr /opt /srv /var/lib -xdev ! -path '/var/lib/dpkg/*' ! -path '/var/lib/systemd/*' ! -name machine-id | LC_ALL=C sort; " +
	"cat /etc/passwd /etc/group /etc/shadow /etc/gshadow"

// installOlder installs an older version before the boot, as whoever makes images
// does, and tells how the machine was before.
func installOlder(ctx context.Context, m *Machine, p built, before *string) (err error) {
	// What a boot makes, and any package that has a user.
	if _, err := m.Run(ctx, "sh", "-c", "useradd --system other && userdel other && touch /etc/.pwd.lock /etc/.updated"); err != nil {
		return err
	}
	if *before, err = m.Run(ctx, "sh", "-c", kept); err != nil {
		return err
	}
	for from, to := range map[string]string{p.older: "/root/older.deb", p.deb: "/root/netbrk.deb"} {
		if err := m.CopyIn(from, to); err != nil {
			return err
		}
	}
	if _, err := m.Run(ctx, "dpkg", "--install", "/root/older.deb"); err != nil {
		return err
	}
	return m.WriteFile("/etc/netbrk/netbrk.toml", []byte(rulesConfig), 0o644)
}

func (s script) version() string {
	s.Helper()
	return s.run("dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Version}", "netbrk")
}

func packageInImage(s script) {
	assert.Equal(s, "ii  "+oldVersion+"-1", s.version())
	for _, unit := range []string{"netbrk.target", "netbrk-watch.service", "netbrk-hooks.path", "netbrk-rules.timer"} {
		assert.Equal(s, "active", s.run("systemctl", "is-active", unit))
	}
	for n := range 2 { // until the machine is closed
		_, err := s.Segment.Attach(s.ctx, s.Machine, Link{Name: fmt.Sprintf("ens%d", 4+n), MAC: fmt.Sprintf("02:00:00:00:60:%02d", n)})
		require.NoError(s, err)
		require.NoError(s, s.Machine.WaitLink(s.ctx, fmt.Sprintf("ens%d", 4+n), "OPER_STATE=routable", "ADMIN_STATE=configured"))
	}
	s.right("ens5")
	s.idle()
	s.rulesIdle()
}

func packageUpgraded(s script) {
	pid := s.property("netbrk-watch.service", "MainPID")
	trace, err := s.Machine.Trace()
	require.NoError(s, err)
	from := len(trace.Notices())
	s.run("dpkg", "--install", "/root/netbrk.deb")
	assert.NotContains(s, s.version(), oldVersion)
	assert.Equal(s, "active", s.run("systemctl", "is-active", "netbrk-watch.service"))
	assert.NotEqual(s, pid, s.property("netbrk-watch.service", "MainPID"), "the new binary runs")
	s.right("ens5")
	s.idle()
	s.rulesIdle()
	require.NoError(s, trace.Close())
	assert.Empty(s, trace.Own(from), "of netbrk's rules and routes")
	content, err := s.Machine.ReadFile("/etc/netbrk/netbrk.toml")
	require.NoError(s, err)
	assert.Equal(s, rulesConfig, string(content), "the owner's")
}

// packageDisabled: that its owner has disabled it counts, in an upgrade too.
func packageDisabled(s script) {
	s.run("systemctl", "disable", "--now", "netbrk.target")
	s.run("dpkg", "--install", "/root/older.deb")
	s.run("dpkg", "--install", "/root/netbrk.deb")
	out, err := s.Machine.Run(s.ctx, "systemctl", "is-enabled", "netbrk.target")
	assert.Error(s, err)
	assert.Equal(s, "disabled\n", out)
	// The targets of links stay as they are, like what they want.
	assert.Empty(s, s.run("systemctl", "list-units", "--type=service,path,timer,socket", "--plain", "--no-legend", "netbrk*"))
	s.run("systemctl", "enable", "--now", "netbrk.target")
	s.right("ens5")
}

func packageRemoved(s script) {
	require.NoError(s, s.Machine.WriteFile("/etc/netbrk/routable.d/50-mine", []byte("#!/bin/sh\n"), 0o755))
	s.run("dpkg", "--remove", "netbrk")
	assert.Contains(s, s.version(), "rc ")
	nothingRuns(s)
	s.run("getent", "passwd", "netbrk")
	s.run("test", "-e", "/etc/netbrk/netbrk.toml")
}

// nothingRuns looks for what the package, or netbrk, has made of the machine.
func nothingRuns(s script) {
	s.Helper()
	s.right() // of no link
	assert.Empty(s, s.run("systemctl", "list-units", "--all", "--state=loaded", "--plain", "--no-legend", "netbrk*"))
	assert.Empty(s, s.run("systemctl", "--failed", "--plain", "--no-legend"))
	assert.Empty(s, s.run("sh", "-c", "pgrep -x netbrk || :"))
	s.run("test", "!", "-e", "/run/netbrk")
	s.run("test", "!", "-e", "/usr/bin/netbrk")
}

// packagePurged: of the package nothing is left, and what its owner wrote is named.
func packagePurged(s script, before string) {
	out := s.run("dpkg", "--purge", "netbrk")
	assert.Regexp(s, regexp.MustCompile(`(?m)^netbrk: kept, since somebody wrote it: /etc/netbrk/routable\.d/50-mine$`), out)
	s.run("test", "-x", "/etc/netbrk/routable.d/50-mine")
	s.run("rm", "-r", "/etc/netbrk")
	assert.Equal(s, before, s.run("sh", "-c", kept)+"\n")
	nothingRuns(s)
}

// packageInstalled does it all again, as one who tries it and thinks better of it.
func packageInstalled(s script) {
	before := s.run("sh", "-c", kept)
	s.run("dpkg", "--install", "/root/netbrk.deb")
	assert.Equal(s, "active", s.run("systemctl", "is-active", "netbrk-watch.service"))
	assert.Equal(s, "enabled", s.run("systemctl", "is-enabled", "netbrk.target"))
	s.run("dpkg", "--purge", "netbrk")
	assert.Equal(s, before, s.run("sh", "-c", kept))
	nothingRuns(s)
}
