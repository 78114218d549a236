package dispatcher

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// prepareEnv names the file that TestPrepare's second process writes to.
const prepareEnv = "NETBRK_TEST_PREPARE"

// TestPrepare starts itself again as somebody would who leaves behind all that
// a process can inherit.
func TestPrepare(t *testing.T) {
	if report := os.Getenv(prepareEnv); report != "" {
		require.NoError(t, Prepare())
		b := newWorkbench(t)
		got := b.run("umask; grep SigIgn /proc/self/status; ls -l /proc/self/fd")
		require.Equal(t, exit(0), got.ExitStatus, "%+v", got)
		require.NoError(t, os.WriteFile(report, []byte(got.Output), 0o600))
		return
	}
	r := newTree(t)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command("/bin/sh", "-c", `trap '' HUP INT PIPE USR1; umask 077
		exec 8>"$0/leaked" 9<>"$0/leaked"; exec "$1" -test.run='^TestPrepare$'`, r.path, exe)
	cmd.Env = append(os.Environ(), prepareEnv+"="+r.at("report"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	report, err := os.ReadFile(r.at("report"))
	require.NoError(t, err)
	lines := strings.Split(string(report), "\n")
	assert.Equal(t, "0022", lines[0])
	ignored, err := strconv.ParseUint(strings.TrimPrefix(lines[1], "SigIgn:\t"), 16, 64)
	require.NoError(t, err)
	// Signals 32 and 33 are the C library's own, and no program may set them.
	assert.Zero(t, ignored&^(3<<31), lines[1])
	assert.NotContains(t, string(report), "leaked")
	assert.Contains(t, string(report), "pipe:") // its own output: the list is one
}

func TestMarkOpenFiles(t *testing.T) {
	fd, err := unix.Dup(0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, markOpenFiles())
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	assert.Equal(t, unix.FD_CLOEXEC, flags)
	flags, err = unix.FcntlInt(2, unix.F_GETFD, 0)
	require.NoError(t, err)
	assert.Zero(t, flags)
}
