package hostnet

// States are the values of a link's properties, by networkd's words; an empty
// one is not known.
type States map[Property]string

// DeriveStates tells a link's operational, carrier and address states from
// what the kernel says alone, by the definitions of networkctl(1) and the
// order of tests of systemd's link_update_operstate(): for hosts, and times,
// without networkd. Administrative and online states have no meaning there.
func DeriveStates(l Link, addrs []Addr) States {
	carrier := carrierState(l)
	v4, v6 := "off", "off"
	for _, a := range addrs {
		s := &v6
		if a.Prefix.Addr().Is4() {
			s = &v4
		}
		*s = widerAddressState(*s, a)
	}
	address := v4
	if rank(v6) > rank(v4) {
		address = v6
	}
	return States{
		CarrierState:     carrier,
		AddressState:     address,
		IPv4AddressState: v4,
		IPv6AddressState: v6,
		OperationalState: operationalState(carrier, address),
	}
}

func carrierState(l Link) string {
	enslaved := l.MasterIndex != 0 && !l.MasterVRF
	switch {
	case l.Flags&FlagUp == 0:
		return "off"
	case l.Flags&FlagLowerUp == 0:
		return "no-carrier"
	case l.OperState == OperDormant || l.Flags&FlagDormant != 0:
		return "dormant"
	case enslaved:
		return "enslaved"
	}
	return "carrier"
}

func operationalState(carrier, address string) string {
	switch {
	case carrier != "carrier" && carrier != "enslaved":
		return carrier
	case carrier == "enslaved":
		return "enslaved"
	case address == "off":
		return "carrier"
	}
	return address // degraded or routable
}

// widerAddressState widens s by what one address adds: an address of global
// or site scope makes a link routable, one of link scope degraded; loopback's
// own and those not usable yet do not count.
func widerAddressState(s string, a Addr) string {
	if !a.Usable() || a.Scope == ScopeHost {
		return s
	}
	word := "routable"
	if a.Scope == ScopeLink || a.Prefix.Addr().IsLinkLocalUnicast() {
		word = "degraded"
	}
	if rank(word) > rank(s) {
		return word
	}
	return s
}

func rank(addressState string) int {
	switch addressState {
	case "routable":
		return 2
	case "degraded":
		return 1
	}
	return 0
}
