package hosttest_test

import (
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
)

func TestPeak(t *testing.T) {
	cmd := exec.Command("sh", "-c", "echo here; read -r word")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, len("here\n")))
	require.NoError(t, err)
	before, ok := hosttest.Memory(cmd.Process.Pid, "VmHWM")
	require.True(t, ok)
	assert.Positive(t, before)
	_, ok = hosttest.Memory(cmd.Process.Pid, "VmNothing")
	assert.False(t, ok)

	peak := make(chan int)
	go func() { peak <- hosttest.Peak(cmd.Process.Pid) }()
	_, err = stdin.Write([]byte("word\n"))
	require.NoError(t, err)
	<-peak // once it has ended, though nobody has waited for it
	require.NoError(t, cmd.Wait())
	_, ok = hosttest.Memory(cmd.Process.Pid, "VmHWM")
	assert.False(t, ok)
}
