package hostnet

import (
	"cmp"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLacksCarrier(t *testing.T) {
	for _, state := range []string{"off", "no-carrier", "dormant"} {
		assert.True(t, LacksCarrier(state), state)
	}
	for _, state := range []string{"", "missing", "degraded-carrier", "carrier", "degraded", "enslaved", "routable"} {
		assert.False(t, LacksCarrier(state), state)
	}
}

func TestWorseOperational(t *testing.T) {
	assert.True(t, WorseOperational("no-carrier", "degraded"))
	assert.True(t, WorseOperational("off", "no-carrier"))
	assert.True(t, WorseOperational("enslaved", "routable"))
	assert.False(t, WorseOperational("degraded", "degraded"))
	assert.False(t, WorseOperational("routable", "degraded"))
	assert.False(t, WorseOperational("no-carrier", ""), "of no known state")
	assert.False(t, WorseOperational("", "routable"))
	for _, state := range operationalOrder {
		assert.True(t, IsState(OperationalState, state))
	}
	for _, state := range operationalStates {
		assert.Contains(t, operationalOrder, state)
	}
}

// TestDeriveStates has a row for each rule of link_update_operstate(), and the
// whole of its table of carrier and address states.
func TestDeriveStates(t *testing.T) {
	const up, carrier = FlagUp, FlagUp | FlagRunning | FlagLowerUp
	var (
		off     = Link{Index: 2, OperState: 2}
		cut     = Link{Index: 2, Flags: up, OperState: 2}
		dormant = Link{Index: 2, Flags: up, OperState: OperDormant}
		on      = Link{Index: 2, Flags: carrier, OperState: OperUp}
		port    = Link{Index: 2, Flags: carrier, OperState: OperUp, MasterIndex: 4}
	)
	with := func(ports ...Link) Ports {
		return func(master int) (of []Link) {
			for _, p := range ports {
				if p.MasterIndex == master {
					of = append(of, p)
				}
			}
			return of
		}
	}
	under := func(master int, l Link) Link { l.Index, l.MasterIndex = l.Index+10*master, master; return l }
	tests := []struct {
		name   string
		link   Link
		ports  Ports
		v4, v6 Reach
		// carrier is the carrier state where it differs from want.
		carrier, want string
	}{
		{"off", off, nil, ReachOff, ReachOff, "", "off"},
		{"off, degraded", off, nil, ReachDegraded, ReachOff, "", "off"},
		{"off, routable", off, nil, ReachRoutable, ReachOff, "", "off"},
		{"off, of no known operational state", Link{}, nil, ReachRoutable, ReachOff, "", "off"},
		{"no carrier", cut, nil, ReachOff, ReachOff, "", "no-carrier"},
		{"no carrier, degraded", cut, nil, ReachOff, ReachDegraded, "", "no-carrier"},
		{"no carrier, routable", cut, nil, ReachRoutable, ReachOff, "", "no-carrier"},
		{"no carrier, lower layer down", Link{Flags: up, OperState: 3}, nil, ReachOff, ReachOff, "", "no-carrier"},
		{"no carrier, under test", Link{Flags: carrier, OperState: 4}, nil, ReachOff, ReachOff, "", "no-carrier"},
		{"dormant", dormant, nil, ReachOff, ReachOff, "", "dormant"},
		{"dormant, degraded", dormant, nil, ReachOff, ReachDegraded, "", "dormant"},
		{"dormant, routable", dormant, nil, ReachRoutable, ReachOff, "", "dormant"},
		{"dormant before it is up", Link{OperState: OperDormant}, nil, ReachOff, ReachOff, "", "dormant"},
		{"dormant port", under(4, dormant), nil, ReachOff, ReachOff, "", "dormant"},
		{"carrier", on, nil, ReachOff, ReachOff, "", "carrier"},
		{"carrier, IPv4 on the link", on, nil, ReachDegraded, ReachOff, "carrier", "degraded"},
		{"carrier, IPv6 on the link", on, nil, ReachOff, ReachDegraded, "carrier", "degraded"},
		{"carrier, IPv4 routable", on, nil, ReachRoutable, ReachDegraded, "carrier", "routable"},
		{"carrier, IPv6 routable", on, nil, ReachDegraded, ReachRoutable, "carrier", "routable"},
		{"driver without operational state", Link{Flags: carrier}, nil, ReachOff, ReachOff, "", "carrier"},
		{"such a driver, not running", Link{Flags: up | FlagLowerUp}, nil, ReachOff, ReachOff, "", "no-carrier"},
		{"such a driver, lower layer down", Link{Flags: up | FlagRunning}, nil, ReachOff, ReachOff, "", "no-carrier"},
		{"such a driver, dormant", Link{Flags: carrier | FlagDormant}, nil, ReachOff, ReachOff, "", "no-carrier"},
		{"loopback", Link{Flags: carrier | FlagLoopback}, nil, ReachOff, ReachOff, "", "carrier"},
		{"loopback with an address for others", Link{Flags: carrier | FlagLoopback}, nil, ReachRoutable, ReachOff, "carrier", "routable"},
		{"port", port, nil, ReachOff, ReachOff, "", "enslaved"},
		{"port, degraded", port, nil, ReachOff, ReachDegraded, "", "enslaved"},
		{"port, routable", port, nil, ReachRoutable, ReachOff, "enslaved", "routable"},
		{"port without carrier", under(4, cut), nil, ReachRoutable, ReachOff, "", "no-carrier"},
		{"port that is off", under(4, off), nil, ReachOff, ReachOff, "", "off"},
		{"slave of a bond", Link{Flags: carrier | FlagSlave, OperState: OperUp}, nil, ReachOff, ReachOff, "", "enslaved"},
		{"master, all ports with carrier", on, with(under(2, on), under(2, port)), ReachOff, ReachOff, "", "carrier"},
		{"master, a port without carrier", on, with(under(2, on), under(2, cut)), ReachOff, ReachOff, "", "degraded-carrier"},
		{"master, a port that is off", on, with(under(2, off)), ReachOff, ReachOff, "", "degraded-carrier"},
		{"master, a dormant port", on, with(under(2, dormant)), ReachOff, ReachOff, "", "degraded-carrier"},
		{"master, a port without carrier, degraded", on, with(under(2, cut)), ReachOff, ReachDegraded, "degraded-carrier", "degraded"},
		{"master, a port without carrier, routable", on, with(under(2, cut)), ReachRoutable, ReachOff, "degraded-carrier", "routable"},
		{"master without carrier", cut, with(under(2, cut)), ReachOff, ReachOff, "", "no-carrier"},
		{"master that is off", off, with(under(2, cut)), ReachOff, ReachOff, "", "off"},
		{"master that is a port, a port of it without carrier", port, with(under(2, cut)), ReachOff, ReachOff, "", "degraded-carrier"},
		{"master of a master, below it one without carrier", on,
			with(under(2, on), Link{Index: 50, MasterIndex: 22, Flags: up, OperState: 2}), ReachOff, ReachOff, "", "degraded-carrier"},
		{"others' ports", on, with(under(3, cut)), ReachOff, ReachOff, "", "carrier"},
		{"a circle, which the kernel has none of", on, with(Link{Index: 2, MasterIndex: 2, Flags: carrier, OperState: OperUp}), ReachOff, ReachOff, "", "carrier"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := DeriveStates(tt.link, tt.ports, tt.v4, tt.v6)
			assert.Equal(t, States{
				OperationalState: tt.want,
				CarrierState:     cmp.Or(tt.carrier, tt.want),
				AddressState:     max(tt.v4, tt.v6).String(),
				IPv4AddressState: tt.v4.String(),
				IPv6AddressState: tt.v6.String(),
			}, got)
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
		{"between link and site", Addr{Scope: ScopeSite + 1}, ReachDegraded},
		{"of an administrator's own scope", Addr{Scope: ScopeSite - 1}, ReachRoutable},
		{"host", Addr{Scope: ScopeHost}, ReachOff},
		{"nowhere", Addr{Scope: 255}, ReachOff},
		{"tentative", Addr{Flags: AddrTentative}, ReachOff},
		{"optimistic, and so tentative", Addr{Flags: AddrTentative | 0x04}, ReachOff},
		{"duplicate", Addr{Flags: AddrDADFailed}, ReachOff},
		{"duplicate of link scope", Addr{Flags: AddrDADFailed, Scope: ScopeLink}, ReachOff},
		{"deprecated", Addr{Flags: 0x20}, ReachRoutable},
		{"secondary", Addr{Flags: AddrSecondary}, ReachRoutable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The scope counts, not what the address looks like.
			for _, prefix := range []string{"2001:db8::1/64", "fe80::1/64", "192.0.2.1/24", "169.254.7.7/16", "127.0.0.2/8"} {
				tt.addr.Prefix = netip.MustParsePrefix(prefix)
				assert.Equal(t, tt.want, tt.addr.Reach(), prefix)
			}
		})
	}
}
