package e2e

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// shell runs a script beside the test.
func shell(t *testing.T, script string) *Process {
	t.Helper()
	args := []string{"sh", "-c", script}
	p, err := startProcess(command(context.Background(), nil, args...), startHere, args)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Stop()) })
	return p
}

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name, script  string
		stdout, error string
	}{
		{"output", "echo answer; echo noise >&2", "answer\n", ""},
		{"environment", "env | sort", "HOME=/root\nLANG=C.UTF-8\nPATH=" + searchPath + "\nPWD=", ""},
		{"failure", "echo some; echo cause >&2; exit 4", "some\n", `running "sh -c echo some; echo cause >&2; exit 4": exit status 4: cause`},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"sh", "-c", test.script}
			out, err := run(t.Context(), command(t.Context(), nil, args...), startHere, args)
			assert.True(t, strings.HasPrefix(out, test.stdout), out)
			if test.error == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, test.error)
			}
		})
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	args := []string{"sh", "-c", "sleep 1000 & wait"}
	_, err := run(ctx, command(ctx, nil, args...), func(cmd *exec.Cmd) error {
		defer cancel()
		return cmd.Start()
	}, args)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestProcessLine(t *testing.T) {
	p := shell(t, "echo one; echo two >&2; echo two again; read -r forever </dev/zero")
	two := regexp.MustCompile("^two")
	for _, want := range []string{"two", "two again"} {
		line, err := p.Line(t.Context(), two)
		require.NoError(t, err)
		assert.Equal(t, want, line)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Line(ctx, two)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "one\ntwo\ntwo again\n", p.Output())
}

func TestProcessEnds(t *testing.T) {
	p := shell(t, "echo last; exit 3")
	_, err := p.Line(t.Context(), regexp.MustCompile("more"))
	assert.ErrorContains(t, err, "exit status 3")
	assert.ErrorContains(t, err, "last")
	assert.EqualError(t, p.Wait(t.Context()), "exit status 3")
	assert.NoError(t, p.Stop(), "of one that has ended")
}

func TestProcessStop(t *testing.T) {
	p := shell(t, "sleep 1000 & echo child $!; wait")
	line, err := p.Line(t.Context(), regexp.MustCompile("^child"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "child "))
	require.NoError(t, err)
	child, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	defer unix.Close(child)

	require.NoError(t, p.Stop())
	// The test's own time limit ends this if the child lives on.
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, -1)
	assert.NoError(t, err)
}
