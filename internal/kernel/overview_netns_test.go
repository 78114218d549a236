package kernel

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestOverview(t *testing.T) {
	l := newPolicyLab(t)
	l.addressed()
	l.ip("route add default via 192.0.2.254 dev va metric 100")
	l.ip("route add default via 192.0.2.253 dev va metric 200 proto dhcp")
	l.ip("-6 route add default via fe80::1 dev va proto ra")
	l.ip("route add default via 192.0.2.252 dev va metric 300 proto 186") // a routing daemon's
	l.ip("route add default via 192.0.2.251 dev va table 7")
	l.ip("route add 10.9.0.0/16 via 192.0.2.254 dev va")

	links, err := l.p.Overview(t.Context())
	require.NoError(t, err)
	require.Len(t, links, 3)
	assert.Equal(t, "lo", links[0].Link.Name, "by ifindex")
	for _, link := range links {
		switch link.Link.Name {
		case "va":
			var gateways []string
			for _, r := range link.Routes {
				assert.True(t, r.IsDefault(), r)
				gateways = append(gateways, r.Gateway.String())
			}
			assert.ElementsMatch(t, []string{"192.0.2.254", "192.0.2.253", "fe80::1"}, gateways)
			assert.NotEmpty(t, link.MAC)
			assert.Contains(t, prefixesOf(link.Addrs), prefix("192.0.2.1/24"))
		case "vb":
			assert.NotEmpty(t, link.Addrs)
			assert.Empty(t, link.Routes)
		}
	}
}

func prefixesOf(addrs []hostnet.Addr) []netip.Prefix {
	var all []netip.Prefix
	for _, a := range addrs {
		all = append(all, a.Prefix)
	}
	return all
}

// TestOverviewOfManyLinks has more links than one datagram tells of.
func TestOverviewOfManyLinks(t *testing.T) {
	l := newPolicyLab(t)
	const pairs = 150
	var batch strings.Builder
	for i := range pairs {
		fmt.Fprintf(&batch, "link add x%d type veth peer name y%d\n", i, i)
		fmt.Fprintf(&batch, "addr add 198.51.%d.%d/32 dev x%d\n", 100+i/200, i%200+1, i)
	}
	l.ns.IPBatch(t, batch.String())
	links, err := l.p.Overview(t.Context())
	require.NoError(t, err)
	assert.Len(t, links, 3+2*pairs)
	addrs := 0
	for _, link := range links {
		if strings.HasPrefix(link.Link.Name, "x") {
			addrs += len(link.Addrs)
		}
	}
	assert.Equal(t, pairs, addrs)
}
