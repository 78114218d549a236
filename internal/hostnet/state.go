package hostnet

import "slices"

// The states of a link that hooks can follow. The words are systemd-networkd's
// own, see networkctl(1): an operational state, or an administrative one.
// A word from the bus, a file or a command line counts only if it is in one of
// the two lists, so no message can name a directory or a unit (CVE-2022-29799).
var (
	operationalStates = []string{
		"off", "no-carrier", "dormant", "degraded-carrier", "carrier", "degraded", "enslaved", "routable",
	}
	administrativeStates = []string{
		"configuring", "configured", "unmanaged", "failed",
	}
	// silentStates are networkd's words that no hook directory exists for:
	// they pass by as the previous state of the next transition, unless
	// networkd-dispatcher's scripts are run, which know them.
	silentStates = []string{"missing", "pending", "initialized", "linger"}
)

// Property is the property of a link, or of networkd's manager, whose change
// of value is an event. It is spelled as on D-Bus, and so it reaches hooks.
type Property string

// The properties of org.freedesktop.network1 that hooks see.
const (
	OperationalState    Property = "OperationalState"
	AdministrativeState Property = "AdministrativeState"
	CarrierState        Property = "CarrierState"
	AddressState        Property = "AddressState"
	IPv4AddressState    Property = "IPv4AddressState"
	IPv6AddressState    Property = "IPv6AddressState"
	OnlineState         Property = "OnlineState"
)

// Properties lists every property that hooks see, in a fixed order.
func Properties() []Property {
	return []Property{
		OperationalState, AdministrativeState, CarrierState, AddressState,
		IPv4AddressState, IPv6AddressState, OnlineState,
	}
}

// LinkStates lists the states that have a hook directory STATE.d, operational
// ones first.
func LinkStates() []string {
	return append(slices.Clone(operationalStates), administrativeStates...)
}

// IsLinkState reports whether hooks can follow state.
func IsLinkState(state string) bool {
	return slices.Contains(operationalStates, state) || slices.Contains(administrativeStates, state)
}

// IsState reports whether state is a word that property p can have: one that
// hooks can follow, or one that only ever is a previous state.
func IsState(p Property, state string) bool {
	switch p {
	case OperationalState:
		return slices.Contains(operationalStates, state) || state == "missing"
	case AdministrativeState:
		return slices.Contains(administrativeStates, state) || slices.Contains(silentStates, state)
	case CarrierState:
		return slices.Contains([]string{"off", "no-carrier", "dormant", "degraded-carrier", "carrier", "enslaved"}, state)
	case AddressState, IPv4AddressState, IPv6AddressState:
		return slices.Contains([]string{"off", "degraded", "routable"}, state)
	case OnlineState:
		return slices.Contains([]string{"", "offline", "partial", "online"}, state)
	}
	return false
}

// IsDispatcherState reports whether networkd-dispatcher has a directory for
// state: it has for all that hooks can follow, and for the silent ones.
func IsDispatcherState(state string) bool {
	return IsLinkState(state) || slices.Contains(silentStates, state)
}

// PropertyOf returns the property that a hook-able state belongs to.
func PropertyOf(state string) (Property, bool) {
	switch {
	case slices.Contains(operationalStates, state):
		return OperationalState, true
	case slices.Contains(administrativeStates, state):
		return AdministrativeState, true
	}
	return "", false
}
