package faulttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const overrunRoutes = 20000

// TestOverrun stops the watcher while more messages come than its socket holds.
// It must notice, take stock once, and know all that changed meanwhile.
func TestOverrun(t *testing.T) {
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap0\"\n")
	h.logEdges(t)
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\nlink set peer0 up\naddress add 192.0.2.10/24 dev flap0\n"+
		"link add gone0 type veth peer name gone1\nlink set gone0 up\nlink set gone1 up\n")
	index, gone := h.index(t, "flap0"), h.index(t, "gone0")
	w := h.watch(t)
	h.knows(t, index, "routable")
	h.knows(t, gone, "degraded")
	h.settle(t)

	require.NoError(t, w.cmd.Process.Signal(unix.SIGSTOP))
	var routes strings.Builder
	for i := range overrunRoutes {
		fmt.Fprintf(&routes, "route add 10.%d.%d.0/24 dev flap0\n", i/250, i%250)
	}
	for i := range overrunRoutes {
		fmt.Fprintf(&routes, "route delete 10.%d.%d.0/24 dev flap0\n", i/250, i%250)
	}
	h.IPBatch(t, routes.String())
	h.IPBatch(t, "link add new0 type veth peer name new1\nlink set new0 up\nlink set new1 up\nlink delete gone0\naddress add 192.0.2.11/24 dev flap0\nlink set peer0 down\n")
	require.NoError(t, w.cmd.Process.Signal(unix.SIGCONT))

	h.knows(t, index, "no-carrier")
	h.knows(t, h.index(t, "new0"), "degraded")
	eventually(t, "the end of a link", func() string {
		for _, r := range h.runs(t) {
			if r.index == gone && r.action == "removed" {
				return ""
			}
		}
		return "runs: " + strings.Join(h.grep(gone), "\n")
	})
	h.ruled(t, "192.0.2.11")
	h.settle(t)
	w.end(t, h)
	assert.Equal(t, 1, strings.Count(h.read("stderr"), "taking stock anew"), "how often stock is taken")
	h.delivered(t)
}
