package udev_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/internal/udev"
)

func TestEthtoolDriverOfVeth(t *testing.T) {
	ns := netnstest.New(t)
	index, _ := ns.VethPair(t, "va", "vb")
	ns.Do(t, func() {
		assert.Equal(t, "veth", udev.EthtoolDriver("va"))
		assert.Empty(t, udev.EthtoolDriver("lo"))
		assert.Empty(t, udev.EthtoolDriver("nope"))
		assert.Empty(t, udev.EthtoolDriver("a-name-too-long-for-a-link"))
		assert.Equal(t, "veth", udev.New().Device(index, "va").Driver)
	})
}
