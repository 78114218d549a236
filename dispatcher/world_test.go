package dispatcher

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// worldEnv names the directory that becomes the root of TestInAWorldOfItsOwn's
// second process.
const worldEnv = "NETBRK_TEST_WORLD"

// TestInAWorldOfItsOwn finds and runs scripts by the rule as it is on a host,
// from the real "/" on, where the test may change modes up to "/" itself: in a
// mount namespace of its own, for a user other than root in a user namespace too.
func TestInAWorldOfItsOwn(t *testing.T) {
	if root := os.Getenv(worldEnv); root != "" {
		enterWorld(t, root)
		testWorld(t)
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestInAWorldOfItsOwn$", "-test.v")
	cmd.Env = append(os.Environ(), worldEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if os.Geteuid() != 0 && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC)) {
		t.Skip("this machine lets only root make namespaces")
	}
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "--- PASS: TestInAWorldOfItsOwn/a_script_runs")
}

// enterWorld makes an empty tmpfs the root, with the machine's programs in it.
func enterWorld(t *testing.T, root string) {
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	require.NoError(t, unix.Mount("tmpfs", root, "tmpfs", 0, "mode=0755"))
	for _, dir := range []string{"usr", "bin", "lib", "lib64", "proc", "dev"} {
		if target, err := os.Readlink("/" + dir); err == nil { // merged into /usr
			require.NoError(t, os.Symlink(target, filepath.Join(root, dir)))
			continue
		}
		if _, err := os.Stat("/" + dir); err != nil {
			continue
		}
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
		require.NoError(t, unix.Mount("/"+dir, filepath.Join(root, dir), "", unix.MS_BIND|unix.MS_REC, ""))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "tmp"), 0o755)) // go test -cover wants one
	require.NoError(t, unix.Chroot(root))
	require.NoError(t, os.Chdir("/"))
	unix.Umask(0o022)
}

func testWorld(t *testing.T) {
	const dir = "/etc/netbrk/routable.d"
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(dir+"/10-x", []byte("#!/bin/sh\necho ran for $LINK\n"), 0o755))
	find := func(t *testing.T, roots ...string) Plan {
		plan, err := Finder{Roots: append(roots, "/etc/netbrk", "/usr/lib/netbrk")}.Find("routable.d", "eth0")
		require.NoError(t, err)
		return plan
	}

	t.Run("a script runs", func(t *testing.T) {
		plan := find(t)
		require.Equal(t, Plan{Hooks: []Hook{
			{Path: dir + "/10-x", Target: dir + "/10-x", Name: "10-x", Directory: "routable.d"},
		}}, plan)
		env, _ := Environ(Input{Event: hostnet.Event{Kind: hostnet.KindState, Index: 2}, Link: "eth0"})
		result := NewRunner(time.Minute).Run(t.Context(), Job{Hook: plan.Hooks[0], Env: env})
		assert.Equal(t, "ran for eth0\n", result.Output, "%+v", result)
	})

	for _, above := range []string{"/", "/etc", "/etc/netbrk", dir} {
		t.Run("nothing runs where others can write to "+above, func(t *testing.T) {
			require.NoError(t, os.Chmod(above, 0o777))
			defer os.Chmod(above, 0o755)
			want := above + " is writable by group and others (mode 0777): chmod go-w " + above
			assert.Equal(t, Plan{Refused: []Skipped{{Path: dir + "/10-x", Why: want}}}, find(t))
		})
	}

	t.Run("nothing runs from a mount without exec", func(t *testing.T) {
		const run = "/run/netbrk.d/routable.d"
		require.NoError(t, os.Mkdir("/run", 0o755))
		require.NoError(t, unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOEXEC, "mode=0755"))
		require.NoError(t, os.MkdirAll(run, 0o755))
		require.NoError(t, os.WriteFile(run+"/20-y", []byte("#!/bin/sh\n"), 0o755))
		plan := find(t, "/run/netbrk.d")
		assert.Len(t, plan.Hooks, 1)
		assert.Equal(t, []Skipped{{
			Path: run + "/20-y", Why: run + "/20-y lies on a file system that is mounted noexec",
		}}, plan.Refused)
	})

	t.Run("the null device masks, whatever it is called", func(t *testing.T) {
		require.NoError(t, os.Symlink("/dev/null", "/etc/nothing"))
		require.NoError(t, os.Symlink("/etc/nothing", dir+"/30-z"))
		defer os.Remove(dir + "/30-z")
		assert.Equal(t, []Skipped{{Path: dir + "/30-z", Why: "is disabled: it is a link to /dev/null"}}, find(t).Masked)
	})

	t.Run("a program of the machine runs by its own owner", func(t *testing.T) {
		require.NoError(t, os.Symlink("/bin/sh", dir+"/40-sh"))
		defer os.Remove(dir + "/40-sh")
		info, err := os.Stat("/bin/sh")
		require.NoError(t, err)
		owner := info.Sys().(*syscall.Stat_t).Uid
		plan := find(t)
		if owner == 0 {
			assert.Len(t, plan.Hooks, 2)
			return
		}
		// In a user namespace that has not the machine's root in it, his files
		// could be anyone's.
		require.Len(t, plan.Refused, 1)
		assert.Contains(t, plan.Refused[0].Why, "is owned by uid 65534, not by root")
	})
}
