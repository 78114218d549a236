package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestPorts(t *testing.T) {
	h := newHost(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br0"
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	require.NoError(t, h.Netlink().LinkAdd(bridge))
	require.NoError(t, h.Netlink().LinkSetUp(bridge))
	names := func(index int) []string {
		ports, err := h.conn.Ports(t.Context(), index)
		require.NoError(t, err)
		var names []string
		for _, p := range ports {
			assert.Equal(t, index, p.MasterIndex)
			names = append(names, p.Name)
		}
		return names
	}
	assert.Empty(t, names(bridge.Index))
	assert.Empty(t, names(9999), "no such link")
	for _, index := range []int{h.va, h.vb} {
		require.NoError(t, h.Netlink().LinkSetMaster(h.link(t, index), bridge))
	}
	assert.ElementsMatch(t, []string{"va", "vb"}, names(bridge.Index))
	assert.Empty(t, names(h.va))

	carrier := func() string {
		ports := func(master int) []hostnet.Link {
			ports, err := h.conn.Ports(t.Context(), master)
			require.NoError(t, err)
			return ports
		}
		return hostnet.DeriveStates(h.details(t, bridge.Index).Link, ports, 0, 0)[hostnet.CarrierState]
	}
	assert.Equal(t, "carrier", carrier())
	peer, err := h.Netlink().LinkByName("vbp")
	require.NoError(t, err)
	// The peer's loss of carrier follows, in the kernel's own time.
	f := followIn(t, h.Namespace)
	require.NoError(t, h.Netlink().LinkSetDown(peer))
	f.until("vb has no carrier", func(c hostnet.Change) bool {
		return c.Object == hostnet.ObjectLink && c.Index == h.vb && !c.Link.HasCarrier()
	})
	assert.Equal(t, "degraded-carrier", carrier())
}
