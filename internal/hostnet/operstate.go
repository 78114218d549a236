package hostnet

import "slices"

// States are the values of a link's properties, by networkd's words; a missing
// or empty one is not known.
type States map[Property]string

// Reach tells how far an address, or the best one of several, is good for.
type Reach uint8

// The reaches, in networkd's words for an address state.
const (
	ReachOff      Reach = iota // no usable address
	ReachDegraded              // the local link only
	ReachRoutable              // beyond it
)

// String returns networkd's word for r.
func (r Reach) String() string {
	switch r {
	case ReachDegraded:
		return "degraded"
	case ReachRoutable:
		return "routable"
	}
	return "off"
}

// Reach tells how far a is good for, by its scope as networkd does: one of
// link scope makes a link degraded, a wider one routable. The scope is the one
// that was set, whatever the address: 169.254.1.1 of global scope is routable.
// Neither does it matter whether the address is deprecated
// (link_get_address_states() in systemd's src/network/networkd-address.c).
func (a Addr) Reach() Reach {
	switch {
	case !a.Usable() || a.Scope >= ScopeHost:
		return ReachOff
	case a.Scope >= ScopeSite:
		return ReachDegraded
	}
	return ReachRoutable
}

// Widen returns the reaches that a link of those has with the address a as well.
func (a Addr) Widen(v4, v6 Reach) (wider4, wider6 Reach) {
	if a.Prefix.Addr().Is4() {
		return max(v4, a.Reach()), v6
	}
	return v4, max(v6, a.Reach())
}

// Ports returns the links that have the link with this ifindex for their
// master; nil stands for no ports at all.
type Ports func(master int) []Link

// MaxNesting bounds how far ports of ports are followed. The kernel nests no
// deeper (MAX_NEST_DEV of linux/netdevice.h), and a picture that is half old,
// half new might have a circle in it.
const MaxNesting = 8

// DeriveStates tells a link's operational, carrier and address states from
// what the kernel says alone, by the rules of link_update_operstate() in
// systemd's src/network/networkd-link.c, that networkctl(1) has in words: for
// hosts, and times, without networkd. v4 and v6 are the widest reaches of the
// link's addresses. Administrative and online states have no meaning there.
func DeriveStates(l Link, ports Ports, v4, v6 Reach) States {
	carrier := carrierState(l, ports, 0)
	address := max(v4, v6)
	return States{
		CarrierState:     carrier,
		AddressState:     address.String(),
		IPv4AddressState: v4.String(),
		IPv6AddressState: v6.String(),
		OperationalState: operationalState(carrier, address),
	}
}

func carrierState(l Link, ports Ports, depth int) string {
	switch {
	case l.OperState == OperDormant:
		return "dormant"
	case !l.HasCarrier() && l.Flags&FlagUp != 0:
		return "no-carrier"
	case !l.HasCarrier():
		return "off"
	case portLacksCarrier(l, ports, depth):
		return "degraded-carrier"
	case l.MasterIndex != 0 || l.Flags&FlagSlave != 0:
		return "enslaved"
	}
	return "carrier"
}

// portLacksCarrier reports whether a bridge, bond or other master passes
// traffic to some of its ports only.
func portLacksCarrier(l Link, ports Ports, depth int) bool {
	if ports == nil || depth == MaxNesting {
		return false
	}
	return slices.ContainsFunc(ports(l.Index), func(port Link) bool {
		word := carrierState(port, ports, depth+1)
		return word != "carrier" && word != "enslaved"
	})
}

// LacksCarrier reports whether state, a carrier state or an operational one, is of a
// link without a carrier: it is both then, whatever addresses there are.
func LacksCarrier(state string) bool {
	return state == "off" || state == "no-carrier" || state == "dormant"
}

// operationalOrder are the operational states, the worst first (LinkOperationalState in
// systemd's src/libsystemd/sd-network/network-util.h).
var operationalOrder = []string{
	"missing", "off", "no-carrier", "dormant", "degraded-carrier", "carrier", "degraded", "enslaved", "routable",
}

// WorseOperational reports whether the operational state a is worse than b; it is
// false for words that are none.
func WorseOperational(a, b string) bool {
	at, than := slices.Index(operationalOrder, a), slices.Index(operationalOrder, b)
	return 0 <= at && at < than
}

// operationalState combines carrier and addresses: an address counts only with
// a carrier below it, and one of link scope does not free an enslaved link.
func operationalState(carrier string, address Reach) string {
	switch {
	case LacksCarrier(carrier):
		return carrier
	case address == ReachRoutable:
		return "routable"
	case address == ReachDegraded && carrier != "enslaved":
		return "degraded"
	}
	return carrier
}
