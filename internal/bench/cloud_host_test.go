//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/internal/scale"
)

// cloudHost is an instance of EC2: a network namespace with NICs, and another one
// at the far end of their cables with the metadata service.
type cloudHost struct {
	ns, far  *netnstest.Namespace
	metadata *imdstest.Server
	args     []string // the command
}

func newCloudHost(t *testing.T, nics, addresses int) *cloudHost {
	t.Helper()
	told := scale.Instance(nics, addresses)
	h := &cloudHost{ns: netnstest.New(t), far: netnstest.New(t), metadata: imdstest.New("aws", told)}
	h.metadata.SetDelay(latency)
	h.args = []string{netbrkPath(), "--state-dir=" + filepath.Join(t.TempDir(), "state"), "cloud-sync", "--provider=aws"}

	for n, nic := range told.NICs {
		h.ns.IP(t, fmt.Sprintf("link add nic%d address %s type veth peer name far%d netns %s", n, nic.MAC, n, h.far.Path()))
		h.ns.IP(t, fmt.Sprintf("link set nic%d addrgenmode none up", n))
		h.far.IP(t, fmt.Sprintf("link set far%d addrgenmode none up", n))
		h.ns.IP(t, fmt.Sprintf("address add %s/24 dev nic%d", nic.Addresses[0].Addr, n)) // DHCP's
	}
	h.ns.IP(t, "route add default via 10.0.0.1 dev nic0")
	h.far.IP(t, "address add 10.0.0.1/24 dev far0")
	h.far.IP(t, "address add 169.254.169.254/32 dev far0")
	var listener net.Listener
	h.far.Do(t, func() {
		var err error
		listener, err = net.Listen("tcp", "169.254.169.254:80")
		require.NoError(t, err)
	})
	go func() { _ = h.metadata.Serve(listener) }() // until it is closed
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return h
}

// sync runs cloud-sync, and returns how long it took and how long it computed.
func (h *cloudHost) sync(t *testing.T) (took, cpu time.Duration) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(h.args[0], h.args[1:]...)
	cmd.Stderr = &stderr
	at := time.Now()
	h.ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	require.NoError(t, cmd.Wait(), stderr.String())
	return time.Since(at), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// check makes sure that all addresses are there.
func (h *cloudHost) check(t *testing.T, nics, addresses int) {
	t.Helper()
	require.Equal(t, nics*addresses, strings.Count(h.ns.IP(t, "-4 -o address show scope global"), "\n"))
}

// count counts the packets that the instance sends, until the returned function
// is called: it tells the most of any second.
func (h *cloudHost) count(t *testing.T) (most func() int) {
	t.Helper()
	stop, result := make(chan struct{}), make(chan int)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		type sample struct {
			at      time.Time
			packets int
		}
		var window []sample
		most := 0
		for {
			now := sample{time.Now(), h.sent(t)}
			window = append(window, now)
			for now.at.Sub(window[0].at) > time.Second {
				window = window[1:]
			}
			most = max(most, now.packets-window[0].packets)
			select {
			case <-tick.C:
			case <-stop:
				result <- most
				return
			}
		}
	}()
	return func() int {
		close(stop)
		return <-result
	}
}

// sent is how many packets the instance has sent so far.
func (h *cloudHost) sent(t *testing.T) int {
	link, err := h.ns.Netlink().LinkByName("nic0")
	if !assert.NoError(t, err) {
		return 0
	}
	return int(link.Attrs().Statistics.TxPackets)
}
