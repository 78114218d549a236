package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAlarmTellsOnce(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	write := func() {
		_, err := unix.Write(pipe[1], []byte{1})
		require.NoError(t, err)
	}
	a, err := newAlarm(pipe[0])
	require.NoError(t, err)
	// Whether the runtime's poller, which watches the same file, would be woken.
	rings := func() bool {
		ready := 0
		require.NoError(t, a.raw.Control(func(fd uintptr) {
			ready, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			require.NoError(t, err)
		}))
		return ready > 0
	}
	assert.False(t, rings(), "nothing came")
	write()
	assert.True(t, rings())
	require.NoError(t, a.wait())
	assert.False(t, rings())
	write()
	assert.False(t, rings(), "what comes before it is set again wakes nobody")
	require.NoError(t, a.set())
	assert.True(t, rings(), "there is still something to read")
	require.NoError(t, a.wait())

	ended := make(chan error)
	go func() { ended <- a.wait() }()
	require.NoError(t, a.close())
	require.Error(t, <-ended)
	require.Error(t, a.set())
}
