//go:build e2e

package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// networkManager starts NetworkManager for the time of the test, and has it
// bring up a link.
func (s script) networkManager(link Link) *Port {
	s.Helper()
	// Its dispatcher is enabled by the alias that the bus starts it by.
	s.run("systemctl", "enable", "NetworkManager-dispatcher.service")
	s.start("NetworkManager.service")
	port := s.Attach(s.T, link)
	s.run("sh", "-c", "until nmcli --get-values GENERAL.STATE device show "+link.Name+" | grep -q '^100 '; do sleep 0.1; done")
	return port
}

// testRunByNetworkManager has NetworkManager's dispatcher run netbrk's hooks and
// rules. The netbrk that it calls reads states from the kernel.
func testRunByNetworkManager(t *testing.T, w *World) {
	s := on(t, w)
	s.flush()
	s.truncate()
	port := s.networkManager(Link{Name: "nm1", MAC: "02:00:00:00:31:01"})
	ran := s.has("routable.d", "nm1")
	assert.Equal(t, "routable", ran.Env["STATE"])
	assert.Equal(t, "routable", ran.Env["CURRENT_STATE"])
	assert.Regexp(t, `^manual-`, ran.Env["EVENT_ID"])
	s.ruled("nm1", true)

	s.truncate()
	s.run("nmcli", "device", "disconnect", "nm1")
	assert.Equal(t, "carrier", s.has("carrier.d", "nm1").Env["STATE"], "NetworkManager leaves the link up")
	s.ruled("nm1", false)
	s.truncate()
	s.run("nmcli", "device", "connect", "nm1")
	s.has("routable.d", "nm1")
	s.ruled("nm1", true)

	s.truncate()
	require.NoError(t, port.Cut(s.ctx)) // after which it waits some seconds
	s.has("no-carrier.d", "nm1")
	require.NoError(t, port.Restore(s.ctx))
	s.has("routable.d", "nm1")
	assert.Equal(t, "0", s.run("sh", "-c", "journalctl --boot --unit=NetworkManager-dispatcher | grep -c -e 50-netbrk.*failed || true"))
}

// testWatchNetworkManager has the watcher see what NetworkManager does by the
// kernel alone, and the script leave it to that.
func testWatchNetworkManager(t *testing.T, w *World) {
	s := on(t, w)
	s.netbrk("[System]\nGenerator = \"kernel\"\n")
	s.truncate()
	s.networkManager(Link{Name: "nm2", MAC: "02:00:00:00:31:02"})
	s.has("routable.d", "nm2")
	s.clear()
	s.run("nmcli", "device", "disconnect", "nm2")
	s.run("nmcli", "device", "connect", "nm2")
	s.has("routable.d", "nm2")
	s.idle()
	assert.Equal(t, 1, s.count("routable.d", "nm2"))
	for _, ran := range s.ran() {
		assert.NotContains(t, ran.Env["EVENT_ID"], "manual-", "run by NetworkManager too: %s", ran)
	}
	// Its dispatcher did call the script.
	_, err := w.Machine.Run(context.Background(), "systemctl", "is-active", "--quiet", "NetworkManager-dispatcher.service")
	assert.NoError(t, err)
}
