//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// testLinks matches the names of links that the tests make.
var testLinks = regexp.MustCompile(`^(lan\d|port\d+|ens.*)$`)

// links returns those links of this machine that the tests could have made.
func links(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, path := range glob(t, "/sys/class/net/*") {
		if name := filepath.Base(path); testLinks.MatchString(name) {
			names = append(names, name)
		}
	}
	return names
}

// lasting names what a machine of the harness owns that outlives a process.
func lasting(m *Machine) []string { return append([]string{m.record.file.Name()}, m.record.Cgroups...) }

// leftovers returns what the harness left behind on this machine, where links is
// what there was before and lasting what its machines owned.
func leftovers(t *testing.T, before []string, lasting []string) []string {
	t.Helper()
	found := slices.DeleteFunc(links(t), func(name string) bool { return slices.Contains(before, name) })
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "/run/e2e") {
			found = append(found, line)
		}
	}
	for _, path := range lasting {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	for _, task := range glob(t, "/proc/self/task/*/children") {
		text, err := os.ReadFile(task)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // the thread has ended
		}
		require.NoError(t, err)
		for _, pid := range strings.Fields(string(text)) {
			found = append(found, "process "+pid)
		}
	}
	return found
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	require.NoError(t, err)
	return names
}

// TestShutdown prepares a machine from the outside, boots it, powers it off and
// boots it again.
func TestShutdown(t *testing.T) {
	cache := CacheFor(t)
	for _, suite := range Suites() {
		t.Run(suite, func(t *testing.T) {
			before := links(t)
			w, err := cache.NewWorld(t.Context(), suite, func(ctx context.Context, m *Machine) error {
				if _, err := m.Run(ctx, "systemctl", "mask", "systemd-resolved.service"); err != nil {
					return err
				}
				return exec.CommandContext(ctx, "install", "-D", "/bin/echo", m.Root()+"/opt/bin/say").Run()
			})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, w.Close()) })
			owned := lasting(w.Machine)
			leader := pidfd(t, w.Machine.Leader())
			out, err := w.Machine.Run(t.Context(), "sh", "-c", "systemctl is-enabled systemd-resolved.service || :")
			require.NoError(t, err)
			assert.Equal(t, "masked\n", out, "what was done before the boot")
			assert.FileExists(t, w.Machine.Root()+"/opt/bin/say")
			require.NoError(t, w.Machine.WriteFile("/var/lib/kept", []byte("kept"), 0o600))

			require.NoError(t, w.Machine.Shutdown(t.Context()))
			assert.ErrorIs(t, unix.PidfdSendSignal(leader, 0, nil, 0), unix.ESRCH)

			require.NoError(t, w.Machine.Boot(t.Context()))
			content, err := w.Machine.ReadFile("/var/lib/kept")
			require.NoError(t, err)
			assert.Equal(t, "kept", string(content))
			require.NoError(t, w.Close())
			assert.Empty(t, leftovers(t, before, owned))
		})
	}
}

// TestBootFails boots a machine that a unit fails in, and one without systemd.
func TestBootFails(t *testing.T) {
	cache := CacheFor(t)
	before := links(t)
	suite := Suites()[0]

	_, err := cache.NewWorld(t.Context(), suite, func(_ context.Context, m *Machine) error {
		return m.WriteFile("/etc/systemd/system/systemd-networkd.service.d/broken.conf",
			[]byte("[Service]\nExecStartPre=/bin/false\n"), 0o644)
	})
	assert.ErrorContains(t, err, "systemd-networkd.service")

	_, err = cache.NewWorld(t.Context(), suite, func(ctx context.Context, m *Machine) error {
		_, err := m.Run(ctx, "rm", "/sbin/init", "/lib/systemd/systemd")
		return err
	})
	assert.ErrorContains(t, err, "/sbin/init", "what the console said")
	assert.Empty(t, leftovers(t, before, nil))
}

// victimEnv makes a copy of the test program be TestKilled's victim.
const victimEnv = "NETBRK_E2E_VICTIM"

// victim is what TestKilled's victim tells of itself.
type victim struct {
	Machine, Server int // PID 1 of the machine, and dnsmasq
	Lasting         []string
}

// TestKilled kills a test process while a machine of its runs, and looks for what
// survives it.
func TestKilled(t *testing.T) {
	Require(t)
	if os.Getenv(victimEnv) != "" {
		beVictim(t)
		return
	}
	for _, signal := range []os.Signal{unix.SIGKILL, unix.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			before := links(t)
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestKilled$")
			cmd.Env = append(os.Environ(), victimEnv+"=1")
			cmd.Stderr = os.Stderr
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			var v victim
			require.NoError(t, json.NewDecoder(stdout).Decode(&v))
			for _, path := range v.Lasting {
				_, err := os.Stat(path)
				require.NoError(t, err)
			}
			running := []int{pidfd(t, v.Machine), pidfd(t, v.Server)}

			require.NoError(t, cmd.Process.Signal(signal))
			require.Error(t, cmd.Wait())
			for _, fd := range running {
				// The test's own time limit ends this if they live on.
				_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
				require.NoError(t, err)
			}
			assert.Empty(t, leftovers(t, before, nil))
			CacheFor(t)
			assert.Empty(t, leftovers(t, before, v.Lasting), "after the sweep")
		})
	}
}

// beVictim boots a machine, says so and waits for its end.
func beVictim(t *testing.T) {
	w, err := CacheFor(t).NewWorld(t.Context(), Suites()[0], nil)
	require.NoError(t, err)
	require.NoError(t, json.NewEncoder(os.Stdout).Encode(victim{
		Machine: w.Machine.Leader(),
		Server:  w.DHCP.cmd.Process.Pid,
		Lasting: lasting(w.Machine),
	}))
	select {}
}

// pidfd opens a process for the time of the test.
func pidfd(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}
