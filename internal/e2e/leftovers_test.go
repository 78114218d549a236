//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// traces is what could be left behind on this machine.
type traces struct {
	Mounts   []string
	Links    []string
	Netns    []string
	Cgroups  []string
	Records  []string
	Children []string // processes of this one
}

func seen(t *testing.T) traces {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	dir, err := CacheDir()
	require.NoError(t, err)
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	var processes []string
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // the thread ended
		}
		require.NoError(t, err)
		processes = append(processes, strings.Fields(string(text))...)
	}
	return traces{
		Mounts:   strings.Split(string(mounts), "\n"),
		Links:    glob(t, "/sys/class/net/*"),
		Netns:    glob(t, "/run/netns/*"),
		Cgroups:  append(glob(t, "/sys/fs/cgroup/"+cgroupPrefix+"*"), glob(t, "/sys/fs/cgroup/*/"+cgroupPrefix+"*")...),
		Records:  glob(t, filepath.Join(dir, "running", "*.json")),
		Children: processes,
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	require.NoError(t, err)
	return names
}

// TestShutdown powers a machine off and boots it again.
func TestShutdown(t *testing.T) {
	Require(t)
	dir, err := CacheDir()
	require.NoError(t, err)
	cache, err := OpenCache(dir, quiet())
	require.NoError(t, err)
	for _, suite := range Suites() {
		t.Run(suite, func(t *testing.T) {
			before := seen(t)
			w, err := cache.NewWorld(t.Context(), suite, func(ctx context.Context, m *Machine) error {
				_, err := m.Run(ctx, "systemctl", "mask", "systemd-resolved.service")
				return err
			})
			require.NoError(t, err)
			leader, err := unix.PidfdOpen(w.Machine.Leader(), 0)
			require.NoError(t, err)
			defer unix.Close(leader)
			out, err := w.Machine.Run(t.Context(), "sh", "-c", "systemctl is-enabled systemd-resolved.service || :")
			require.NoError(t, err)
			assert.Equal(t, "masked\n", out, "what was done before the boot")
			require.NoError(t, w.Machine.WriteFile("/var/lib/kept", []byte("kept"), 0o600))

			require.NoError(t, w.Machine.Shutdown(t.Context()))
			assert.ErrorIs(t, unix.PidfdSendSignal(leader, 0, nil, 0), unix.ESRCH)

			require.NoError(t, w.Machine.Boot(t.Context()))
			content, err := w.Machine.ReadFile("/var/lib/kept")
			require.NoError(t, err)
			assert.Equal(t, "kept", string(content))
			require.NoError(t, w.Close())
			assert.Equal(t, before, seen(t))
		})
	}
}

// victimEnv makes a copy of the test program be TestKilled's victim.
const victimEnv = "NETBRK_E2E_VICTIM"

// TestKilled kills a test process while a machine of its runs, and looks for what
// survives it.
func TestKilled(t *testing.T) {
	Require(t)
	if os.Getenv(victimEnv) != "" {
		beVictim(t)
		return
	}
	before := seen(t)
	victim := exec.Command("/proc/self/exe", "-test.run=^TestKilled$")
	victim.Env = append(os.Environ(), victimEnv+"=1")
	victim.Stderr = os.Stderr
	stdout, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	var machine, server int
	lines := bufio.NewScanner(stdout)
	for machine == 0 && lines.Scan() {
		_, _ = fmt.Sscanf(lines.Text(), "running: %d %d", &machine, &server)
	}
	require.NotZero(t, machine, "the victim ended early")
	var fds []unix.PollFd
	for _, pid := range []int{machine, server} {
		fd, err := unix.PidfdOpen(pid, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}

	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait())
	for i := range fds { // the test's own time limit ends this if they live on
		_, err := unix.Poll(fds[i:i+1], -1)
		require.NoError(t, err)
	}
	left := seen(t)
	assert.NotEmpty(t, left.Cgroups, "what only a sweep removes")
	left.Cgroups, left.Records = before.Cgroups, before.Records
	assert.Equal(t, before, left)

	dir, err := CacheDir()
	require.NoError(t, err)
	_, err = OpenCache(dir, quiet())
	require.NoError(t, err)
	assert.Equal(t, before, seen(t), "after the sweep")
}

// beVictim boots a machine, says so and waits for its end.
func beVictim(t *testing.T) {
	dir, err := CacheDir()
	require.NoError(t, err)
	cache, err := OpenCache(dir, quiet())
	require.NoError(t, err)
	w, err := cache.NewWorld(t.Context(), Suites()[0], nil)
	require.NoError(t, err)
	fmt.Println("running: " + strconv.Itoa(w.Machine.Leader()) + " " + strconv.Itoa(w.DHCP.cmd.Process.Pid))
	select {}
}
