package hostnet

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDeriveStates(t *testing.T) {
	const up, carrier = FlagUp, FlagUp | FlagRunning | FlagLowerUp
	tests := []struct {
		name   string
		link   Link
		v4, v6 Reach
		want   string
	}{
		{"down", Link{OperState: 2}, ReachOff, ReachOff, "off"},
		{"down with an address", Link{OperState: 2}, ReachRoutable, ReachOff, "off"},
		{"up without carrier", Link{Flags: up, OperState: 2}, ReachRoutable, ReachOff, "no-carrier"},
		{"dormant", Link{Flags: up, OperState: OperDormant}, ReachRoutable, ReachOff, "dormant"},
		{"carrier", Link{Flags: carrier, OperState: OperUp}, ReachOff, ReachOff, "carrier"},
		{"driver without operational state", Link{Flags: carrier}, ReachOff, ReachOff, "carrier"},
		{"such a driver, dormant", Link{Flags: carrier | FlagDormant}, ReachOff, ReachOff, "no-carrier"},
		{"link-local address", Link{Flags: carrier, OperState: OperUp}, ReachOff, ReachDegraded, "degraded"},
		{"routable by IPv4", Link{Flags: carrier, OperState: OperUp}, ReachRoutable, ReachDegraded, "routable"},
		{"routable by IPv6", Link{Flags: carrier, OperState: OperUp}, ReachOff, ReachRoutable, "routable"},
		{"port of a bridge", Link{Flags: carrier, OperState: OperUp, MasterIndex: 4}, ReachOff, ReachDegraded, "enslaved"},
		{"port of a VRF with address", Link{Flags: carrier, OperState: OperUp, MasterIndex: 4}, ReachRoutable, ReachOff, "routable"},
		{"slave of a bond", Link{Flags: carrier | FlagSlave, OperState: OperUp}, ReachOff, ReachOff, "enslaved"},
		{"port without carrier", Link{Flags: up, OperState: 2, MasterIndex: 4}, ReachOff, ReachOff, "no-carrier"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := DeriveStates(tt.link, tt.v4, tt.v6)
			assert.Equal(t, tt.want, got[OperationalState])
			assert.Equal(t, tt.v4.String(), got[IPv4AddressState])
			assert.Equal(t, tt.v6.String(), got[IPv6AddressState])
			for p, word := range got {
				assert.True(t, IsState(p, word), "%s=%s", p, word)
			}
		})
	}
}

func TestAddrReach(t *testing.T) {
	tests := []struct {
		name string
		addr Addr
		want Reach
	}{
		{"global", Addr{Scope: ScopeGlobal}, ReachRoutable},
		{"site", Addr{Scope: ScopeSite}, ReachDegraded},
		{"link", Addr{Scope: ScopeLink}, ReachDegraded},
		{"host", Addr{Scope: ScopeHost}, ReachOff},
		{"tentative", Addr{Flags: AddrTentative}, ReachOff},
		{"duplicate", Addr{Flags: AddrDADFailed}, ReachOff},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.addr.Prefix = netip.MustParsePrefix("2001:db8::1/64")
			assert.Equal(t, tt.want, tt.addr.Reach())
		})
	}
}
