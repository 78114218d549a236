// Package bustest runs a message bus for a test, or fakes one that is of no use.
package bustest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"
)

const config = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=%[1]s/bus</listen>
  <servicedir>%[1]s/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
`

// Bus is a bus in a directory of the test, which it takes for the system bus.
type Bus struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

// New prepares a bus on which each of the names could be activated: that would
// leave a mark, see Activated.
func New(t *testing.T, names ...string) *Bus {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "services"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bus.conf"), fmt.Appendf(nil, config, dir), 0o644))
	for _, name := range names {
		service := fmt.Sprintf("[D-BUS Service]\nName=%s\nExec=/bin/touch %s/activated\n", name, dir)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "services", name+".service"), []byte(service), 0o644))
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+dir+"/bus")
	b := &Bus{t: t, dir: dir}
	t.Cleanup(b.Stop)
	return b
}

// Start starts the bus, the first time or again.
func (b *Bus) Start() {
	b.t.Helper()
	b.cmd = exec.Command("dbus-daemon", "--nofork", "--print-address", "--config-file="+filepath.Join(b.dir, "bus.conf"))
	out, err := b.cmd.StdoutPipe()
	require.NoError(b.t, err)
	require.NoError(b.t, b.cmd.Start())
	require.True(b.t, bufio.NewScanner(out).Scan(), "dbus-daemon did not start")
}

// Stop kills the bus.
func (b *Bus) Stop() {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		b.cmd = nil
	}
}

// Process is that of the bus.
func (b *Bus) Process() *os.Process { return b.cmd.Process }

// Conn connects to the bus for the time of the test.
func (b *Bus) Conn() *dbus.Conn {
	b.t.Helper()
	conn, err := dbus.ConnectSystemBus()
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Activated reports whether the bus was asked to start somebody.
func (b *Bus) Activated() bool {
	_, err := os.Stat(filepath.Join(b.dir, "activated"))
	return err == nil
}
