package subcmd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
)

// TestCloudSyncShowsWhatItIsAt has somebody sit at a terminal while the metadata's
// service does not answer.
func TestCloudSyncShowsWhatItIsAt(t *testing.T) {
	t.Setenv("TERM", "xterm")
	i := newInstance(t, "digitalocean", cloudScenes()["digitalocean"].told)
	i.metadata.Script(always(imdstest.Hang))
	terminal, user := newTerminal(t)
	cmd := i.command("cloud-sync", "--provider", "digitalocean", "--endpoint", i.endpoint)
	cmd.Stderr = terminal
	i.ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var seen []byte
	until := func(text string) {
		t.Helper()
		buf := make([]byte, 4096)
		for !bytes.Contains(seen, []byte(text)) {
			n, err := user.Read(buf)
			require.NoError(t, err, "%q", seen)
			seen = append(seen, buf[:n]...)
		}
	}
	until(" asking the cloud's metadata, 2 s")
	require.NoError(t, cmd.Process.Signal(unix.SIGTERM))
	until("netbrk: asking the metadata of digitalocean: ")
	_ = cmd.Wait()
	// The error stands on a line of its own.
	assert.Regexp(t, `s\r\x1b\[Knetbrk: asking the metadata of digitalocean: `, string(seen))
}
