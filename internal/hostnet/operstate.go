package hostnet

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
// link scope makes a link degraded, a wider one routable.
func (a Addr) Reach() Reach {
	switch {
	case !a.Usable() || a.Scope >= ScopeHost:
		return ReachOff
	case a.Scope >= ScopeSite:
		return ReachDegraded
	}
	return ReachRoutable
}

// DeriveStates tells a link's operational, carrier and address states from
// what the kernel says alone, by the definitions of networkctl(1): for hosts,
// and times, without networkd. v4 and v6 are the widest reaches of the link's
// addresses. Administrative and online states have no meaning there.
func DeriveStates(l Link, v4, v6 Reach) States {
	carrier := carrierState(l)
	address := max(v4, v6)
	return States{
		CarrierState:     carrier,
		AddressState:     address.String(),
		IPv4AddressState: v4.String(),
		IPv6AddressState: v6.String(),
		OperationalState: operationalState(carrier, address),
	}
}

func carrierState(l Link) string {
	switch {
	case l.OperState == OperDormant:
		return "dormant"
	case l.HasCarrier() && (l.MasterIndex != 0 || l.Flags&FlagSlave != 0):
		return "enslaved"
	case l.HasCarrier():
		return "carrier"
	case l.Flags&FlagUp != 0:
		return "no-carrier"
	}
	return "off"
}

// operationalState combines carrier and addresses: an address counts only with
// a carrier below it, and one of link scope does not free an enslaved link.
func operationalState(carrier string, address Reach) string {
	switch {
	case carrier != "carrier" && carrier != "enslaved":
		return carrier
	case address == ReachRoutable:
		return "routable"
	case carrier == "carrier" && address == ReachDegraded:
		return "degraded"
	}
	return carrier
}
