package udev

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/netnstest"
)

func TestEthtoolDriverOfVeth(t *testing.T) {
	ns := netnstest.New(t)
	index, _ := ns.VethPair(t, "va", "vb")
	ns.Do(t, func() {
		assert.Equal(t, "veth", ethtoolDriver("va"))
		assert.Empty(t, ethtoolDriver("lo"))
		assert.Empty(t, ethtoolDriver("nope"))
		assert.Empty(t, ethtoolDriver("a-name-too-long-for-a-link"))
		assert.Equal(t, "veth", New().Device(index, "va").Driver)
	})
}
