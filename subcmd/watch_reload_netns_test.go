package subcmd

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// serviceManager returns a function that waits for the watcher to notify it of
// something, as systemd would be.
func serviceManager(t *testing.T) (until func(text string) string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(watchFor)))
	t.Setenv("NOTIFY_SOCKET", path)
	return func(text string) string {
		t.Helper()
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			require.NoError(t, err, "before %q was notified", text)
			if strings.Contains(string(buf[:n]), text) {
				return string(buf[:n])
			}
		}
	}
}

func TestWatchReload(t *testing.T) {
	notified := serviceManager(t)
	ns := netnstest.New(t)
	index, _ := ns.VethPair(t, "va", "vb")
	ns.IP(t, "address add 192.0.2.1/24 dev va")
	w := startWatchWith(t, ns, "[System]\nGenerator = \"kernel\"\n[Network]\nLinks = \"vb\"\n", "--dispatch=none")
	w.until(t, "the end of its first pass", func(ev hostnet.Event) bool {
		assert.NotEqual(t, index, ev.Index, "va does not count")
		return ev.Kind == hostnet.KindRules
	})
	assert.Contains(t, notified("STATUS="), "Following 1 of ")
	notified("READY=1")

	reload := func(toml string) {
		t.Helper()
		require.NoError(t, os.WriteFile(w.config, []byte(toml), 0o644))
		require.NoError(t, w.cmd.Process.Signal(unix.SIGHUP))
		notified("RELOADING=1")
	}
	reload("[System]\nGenerator = \"kernel\"\n[Network]\nLinks = \"va vb\"\n")
	w.until(t, "the link that counts now", func(ev hostnet.Event) bool {
		return ev.Kind == hostnet.KindLinks && ev.Action == hostnet.ActionAdded && ev.Link == "va"
	})
	w.until(t, "its state", func(ev hostnet.Event) bool { return ev.Link == "va" && ev.State == "routable" && ev.Previous == "" })
	w.until(t, "its addresses", func(ev hostnet.Event) bool {
		return ev.Link == "va" && ev.Kind == hostnet.KindAddresses && ev.Action == hostnet.ActionAdded
	})
	assert.Contains(t, notified("STATUS=Following 2 of "), "states from the kernel")

	reload("[System]\nGenerator = [\"systemd-networkd\", \"kernel\"]\n[Network]\nLinks = \"va vb\"\n")
	notified("; needs a restart for Generator kernel, systemd-networkd")
	reload("[System]\nGenerator = \"kernel\"\n[Network]\nLinks = \"vb\"\n")
	assert.NotContains(t, notified("STATUS=Following 1 of "), "restart")
}
