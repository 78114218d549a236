package subcmd

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNotifyNobodyReads: a service manager that hangs keeps nobody from work, and
// hears in the end what the status is.
func TestNotifyNobodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	d := &daemonRun{log: slog.New(slog.DiscardHandler)}
	for d.untold == "" { // until its socket is full
		d.status("before")
	}
	d.status("now")
	d.alive()
	assert.Equal(t, "\nSTATUS=now", d.untold)

	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	read := func() string {
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		require.NoError(t, err)
		return string(buf[:n])
	}
	assert.Equal(t, "STATUS=before", read())
	for d.untold != "" { // on a busy machine the patience is over before the first try
		d.alive()
	}
	last := ""
	for last != "WATCHDOG=1\nSTATUS=now" {
		last = read()
	}
	for d.status("later"); d.untold != ""; {
		d.status("later")
	}
	assert.Equal(t, "STATUS=later", read())
}

func TestNotifyNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	require.NoError(t, notifyWithin(notifyPatience, "READY=1"))
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	assert.Error(t, notifyWithin(notifyPatience, "READY=1"))
}
