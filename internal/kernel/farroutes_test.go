package kernel

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestFarRoutes: what is beyond a gateway is bounded for each link, by destinations
// and not by hops, and nothing else is.
func TestFarRoutes(t *testing.T) {
	gateway := netip.MustParseAddr("192.0.2.1")
	destination := func(i int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
	}
	var far farRoutes
	for range 2 { // an interrupted dump begins anew
		far.forget()
		kept := map[int]int{}
		for i := range 2 * farKept {
			for range 3 {
				if far.keep(hostnet.Route{Index: 2, Destination: destination(i), Gateway: gateway}) {
					kept[2]++
				}
			}
			if far.keep(hostnet.Route{Index: 3, Destination: destination(0), Metric: uint32(i), Gateway: gateway}) {
				kept[3]++
			}
			if far.keep(hostnet.Route{Index: 2, Destination: destination(i)}) {
				kept[0]++
			}
		}
		assert.Equal(t, map[int]int{2: 3 * farKept, 3: farKept, 0: 2 * farKept}, kept)
		assert.True(t, far.keep(hostnet.Route{Index: 2, Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: gateway}))
	}
}
