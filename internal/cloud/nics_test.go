package cloud

import (
	"net/netip"
	"testing"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/stretchr/testify/assert"
)

func TestAddresses(t *testing.T) {
	a, b, six := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.9.6"), netip.MustParseAddr("2001:db8::1")
	got := Addresses([]netip.Addr{a, six, b}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")})
	assert.Equal(t, []hostnet.CloudAddress{
		{Addr: a, Bits: 24, Role: hostnet.RolePrimary},
		{Addr: six, Bits: 64, Role: hostnet.RolePrimary},
		{Addr: b, Role: hostnet.RoleSecondary},
	}, got)
}

func TestDistinct(t *testing.T) {
	one, two := hostnet.NIC{MAC: "00:22:48:05:ab:01"}, hostnet.NIC{MAC: "00:22:48:05:ab:02"}
	got, err := Distinct("mac", []hostnet.NIC{one, two})
	assert.NoError(t, err)
	assert.Equal(t, []hostnet.NIC{one, two}, got)

	got, err = Distinct("mac", []hostnet.NIC{one, two, one})
	assert.NoError(t, err)
	assert.Equal(t, []hostnet.NIC{{MAC: one.MAC, Missing: []string{"mac"}}, two}, got)

	_, err = Distinct("macs/", nil)
	assert.ErrorIs(t, err, ErrNotReady)
	_, err = Distinct("macs/", make([]hostnet.NIC, MaxNICs+1))
	assert.ErrorIs(t, err, ErrRefused)
}

func TestByMAC(t *testing.T) {
	nics := []hostnet.NIC{{MAC: "c"}, {MAC: "a"}, {MAC: "b", Primary: true}}
	ByMAC(nics)
	assert.Equal(t, []hostnet.NIC{{MAC: "b", Primary: true}, {MAC: "a"}, {MAC: "c"}}, nics)
}
