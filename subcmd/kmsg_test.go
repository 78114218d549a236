package subcmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestGeneratorLog: the kernel's log is for lines that would be lost, and for no
// others.
func TestGeneratorLog(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	device := filepath.Join(t.TempDir(), "kmsg")
	require.NoError(t, os.WriteFile(device, nil, 0o600))

	log, done := generatorLog(null, device)
	for _, line := range []string{"netbrk: one\n", strings.Repeat("x", 2000) + "\n"} {
		n, err := log.Write([]byte(line))
		require.NoError(t, err)
		assert.Equal(t, len(line), n)
	}
	done()
	text, err := os.ReadFile(device)
	require.NoError(t, err)
	first := fmt.Sprintf("<3>netbrk-generator[%d]: netbrk: one\n", os.Getpid())
	require.True(t, strings.HasPrefix(string(text), first), string(text))
	assert.Len(t, text, len(first)+maxKmsg)

	var other bytes.Buffer
	log, done = generatorLog(&other, device)
	assert.Same(t, &other, log)
	done()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer file.Close()
	log, done = generatorLog(file, device)
	assert.Same(t, file, log)
	done()

	// A pipe without a reader would have the boot wait for ever.
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, pipe + ".missing"} {
		log, done = generatorLog(null, path)
		assert.Same(t, null, log)
		done()
	}
}
