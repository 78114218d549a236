package demotest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nobody is an ordinary user on any machine.
const nobody = 65534

// pipeGrace is how long what outlives the demo may hold its output.
const pipeGrace = 5 * time.Second

// TestDemoNetns runs the whole demo, which checks by itself that each hook runs.
func TestDemoNetns(t *testing.T) {
	dir := demo(t)
	ordinary := uint32(nobody)
	if euid := os.Geteuid(); euid != 0 {
		ordinary = uint32(euid)
	}
	for _, test := range []struct {
		name string
		user uint32
	}{
		{"root", 0},
		{"ordinary user", ordinary},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, err := run(t, dir, test.user)
			require.NoError(t, err, stderr+stdout)
			assert.Empty(t, stderr)
			assert.NotContains(t, stdout, "\x1b", "colours outside a terminal")
			assert.NotContains(t, stdout, "\n    refused ", "hooks")
			assert.Equal(t, []string{
				"off.d/10-note: eth0 is off",
				"no-carrier.d/10-alarm: eth0 has no carrier, after off; by now it is no-carrier",
				"carrier.d/10-note: eth0 was no-carrier and has a carrier",
				"routable.d/10-announce: eth0 (ifindex N) was carrier and is routable, with 192.0.2.10",
				"no-carrier.d/10-alarm: eth0 has no carrier, after routable; by now it is no-carrier",
				"routable.d/10-announce: eth0 (ifindex N) was no-carrier and is routable, with 192.0.2.10",
			}, transitions(stdout, "eth0"), stdout)
			assert.Equal(t, 2, strings.Count(stdout, "192.0.2.20 was asked by eth1, and answered by eth1\n"), stdout)
			assert.Equal(t, 1, strings.Count(stdout, "192.0.2.21 was asked by eth1, and answered by eth1\n"), stdout)
		})
	}
}

// TestDemoFailsNetns takes one hook away: the demo must notice.
func TestDemoFailsNetns(t *testing.T) {
	dir := demo(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "demo/hooks/carrier.d/10-note")))
	stdout, stderr, err := run(t, dir, uint32(os.Geteuid()), "NETBRK_DEMO_DEADLINE=3")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, stdout)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Contains(t, stderr, "demo: no hook said: carrier.d/10-note: eth0\n")
}

// TestDemoForbiddenNetns runs it where no namespace can be made any more.
func TestDemoForbiddenNetns(t *testing.T) {
	dir := demo(t)
	const sealed = `echo 0 >/proc/sys/user/max_net_namespaces && exec "$0" "$@"`
	stdout, stderr, err := runCommand(t, dir, uint32(os.Geteuid()), nil,
		"unshare", "--user", "--map-root-user", "sh", "-c", sealed, "demo/demo.sh", "./netbrk", "./imds")
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, stdout)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Empty(t, stdout)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	require.Len(t, lines, 2, stderr)
	assert.Equal(t, "demo: namespaces cannot be made here", lines[0])
	assert.True(t, strings.HasPrefix(lines[1], "demo: hint: "), lines[1])
}

// TestDemoArguments needs no namespace at all.
func TestDemoArguments(t *testing.T) {
	for _, test := range []struct {
		name      string
		arguments []string
		want      string
	}{
		{"none", nil, "demo: which netbrk, and which metadata service?\n"},
		{"one", []string{"./netbrk"}, "demo: which netbrk, and which metadata service?\n"},
		{"missing", []string{"./nothing", "./imds"}, "demo: there is no program ./nothing\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command("../../testdata/demo/demo.sh", test.arguments...)
			out, err := cmd.CombinedOutput()
			assert.Error(t, err)
			assert.True(t, strings.HasPrefix(string(out), test.want), string(out))
		})
	}
}

// demo returns a directory that every user can read, with the demo and its
// programs.
func demo(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "netbrk-demo") // t.TempDir is closed to others
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	build := exec.Command("go", "build", "-o", dir+"/", "../../cmd/netbrk", "../../internal/cloud/imdstest/cmd/imds")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "demo"), os.DirFS("../../testdata/demo")))
	return dir
}

func run(t *testing.T, dir string, user uint32, env ...string) (stdout, stderr string, err error) {
	t.Helper()
	return runCommand(t, dir, user, env, "demo/demo.sh", "./netbrk", "./imds")
}

// runCommand runs a program in dir as user. The test is skipped for a user that
// one cannot become, and without namespaces.
func runCommand(t *testing.T, dir string, user uint32, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	if os.Getenv("NETBRK_TEST_NETNS") == "0" {
		t.Skip("NETBRK_TEST_NETNS is 0: make test-netns runs this")
	}
	if err := enterNamespaces(t, user); errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EPERM) {
		t.Skipf("there is no becoming uid %d here: %v", user, err)
	} else if err != nil {
		if os.Getenv("NETBRK_TEST_NETNS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	if !strings.Contains(args[0], "/") {
		cmd.Path, err = exec.LookPath(args[0])
		require.NoError(t, err)
	}
	cmd.Dir = dir
	// A closed PATH and a TMPDIR of root's must not decide.
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=/"}, env...)
	become(cmd, user)
	cmd.WaitDelay = pipeGrace
	var outBuffer, errBuffer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &outBuffer, &errBuffer
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("something that the demo started is left: %v", err)
	}
	return outBuffer.String(), errBuffer.String(), err
}

// enterNamespaces tries what the demo begins with. Under unshare -Ur no user but
// oneself exists, and becoming another is EINVAL; without root it is EPERM.
func enterNamespaces(t *testing.T, user uint32) error {
	if user == 0 && os.Geteuid() == 0 {
		return nil
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--user", "--map-root-user", "--net", "--mount", "true")
	become(cmd, user)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("entering namespaces: %w: %s", err, out)
	}
	return nil
}

func become(cmd *exec.Cmd, user uint32) {
	if int(user) != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
}

// transitions are the lines of hooks for states of a link, in order, with the
// ifindex left out: addresses are no state.
func transitions(stdout, link string) []string {
	var found []string
	for line := range strings.Lines(stdout) {
		line = strings.TrimSpace(line)
		directory, rest, ok := strings.Cut(line, ".d/")
		if !ok || directory == "addresses" || !strings.Contains(rest, ": "+link+" ") {
			continue
		}
		if before, after, ok := strings.Cut(line, "(ifindex "); ok {
			_, after, _ = strings.Cut(after, ")")
			line = before + "(ifindex N)" + after
		}
		found = append(found, line)
	}
	return found
}
