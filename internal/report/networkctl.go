package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// NetworkctlDocument is what scripts of networkd-dispatcher get of their link in
// the variable json: what its daemon makes of the lines of `networkctl status`,
// each key that is printed with a list of values, and single values for those
// about type and state. The remarks that networkctl prints behind some values,
// such as "(DHCP4 via 192.0.2.1)", are left out, as are the lines of the journal,
// which that daemon takes for more keys. Keys stand in the order of their names.
type NetworkctlDocument struct {
	Addresses           []string `json:"Address,omitempty"`
	AdministrativeState string   `json:"AdministrativeState"`
	DNS                 []string `json:"DNS,omitempty"`
	Driver              []string `json:"Driver,omitempty"`
	Gateways            []string `json:"Gateway,omitempty"`
	HardwareAddr        []string `json:"Hardware Address,omitempty"`
	Link                string   `json:"InterfaceName"`
	LinkFile            []string `json:"Link File,omitempty"`
	MTU                 []string `json:"MTU,omitempty"`
	Model               []string `json:"Model,omitempty"`
	NTP                 []string `json:"NTP,omitempty"`
	NetworkFile         []string `json:"Network File,omitempty"`
	OnlineState         []string `json:"Online state,omitempty"`
	OperationalState    string   `json:"OperationalState"`
	Path                []string `json:"Path,omitempty"`
	Domains             []string `json:"Search Domains,omitempty"`
	State               string   `json:"State"`
	Type                string   `json:"Type,omitempty"`
	Vendor              []string `json:"Vendor,omitempty"`
}

// BuildNetworkctl composes the document of one link, less its states.
func BuildNetworkctl(details hostnet.LinkDetails, device hostnet.DeviceFacts, network hostnet.NetworkFacts) NetworkctlDocument {
	return NetworkctlDocument{
		Addresses:    networkctlAddresses(details.Addresses),
		DNS:          network.DNS,
		Driver:       words(device.Driver),
		Gateways:     networkctlGateways(details.Routes),
		HardwareAddr: words(details.HardwareAddr),
		Link:         details.Name,
		LinkFile:     words(cmp.Or(device.LinkFile, "n/a")),
		MTU:          words(strconv.Itoa(details.MTU)),
		Model:        words(device.Model),
		NTP:          network.NTP,
		NetworkFile:  words(cmp.Or(network.NetworkFile, "n/a")),
		Path:         words(device.Path),
		Domains:      network.Domains,
		Type:         cmp.Or(device.Type, details.EncapType),
		Vendor:       words(device.Vendor),
	}
}

// SetStates puts in what is told of the link's state.
func (d *NetworkctlDocument) SetStates(states hostnet.States) {
	d.OperationalState = states[hostnet.OperationalState]
	d.AdministrativeState = states[hostnet.AdministrativeState]
	d.OnlineState = words(states[hostnet.OnlineState])
	d.State = fmt.Sprintf("%s (%s)", d.OperationalState, d.AdministrativeState)
}

// FirstAddress is the first one of all, a link-local one included; empty for
// none.
func (d NetworkctlDocument) FirstAddress() string {
	if len(d.Addresses) == 0 {
		return ""
	}
	return d.Addresses[0]
}

// Interesting returns the addresses of one family that networkd-dispatcher
// finds interesting: not those of 127.0.0.0/8, nor those that begin "fe80:".
func (d NetworkctlDocument) Interesting(family hostnet.Family) []string {
	var some []string
	for _, a := range d.Addresses {
		if strings.Contains(a, ":") == (family == hostnet.IPv6) &&
			!strings.HasPrefix(a, "127.") && !strings.HasPrefix(a, "fe80:") {
			some = append(some, a)
		}
	}
	return some
}

// JSON returns d on one line, with "<" and the like as they are.
func (d NetworkctlDocument) JSON() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("encoding document of link %q: %w", d.Link, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// networkctlAddresses are the addresses that networkctl prints, in its order:
// IPv4 first, then by scope, then as numbers (address_compare() of systemd's
// local-addresses.c).
func networkctlAddresses(addresses []hostnet.AddrDetails) []string {
	used := slices.Clone(addresses)
	used = slices.DeleteFunc(used, func(a hostnet.AddrDetails) bool {
		return !a.Usable() || a.Flags&hostnet.AddrDeprecated != 0
	})
	slices.SortStableFunc(used, func(a, b hostnet.AddrDetails) int {
		x, y := a.Prefix.Addr(), b.Prefix.Addr()
		return cmp.Or(cmp.Compare(x.BitLen(), y.BitLen()), cmp.Compare(a.Scope, b.Scope), x.Compare(y))
	})
	texts := make([]string, len(used))
	for i, a := range used {
		texts[i] = a.Prefix.Addr().String()
	}
	return texts
}

// networkctlGateways are those of the default routes of the main table, IPv4
// first.
func networkctlGateways(routes []hostnet.RouteDetails) []string {
	var gateways []netip.Addr
	for _, r := range routes {
		if r.Table == hostnet.TableMain && r.Gateway.IsValid() && r.Destination.IsValid() && r.Destination.Bits() == 0 {
			gateways = append(gateways, r.Gateway)
		}
	}
	slices.SortStableFunc(gateways, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	texts := make([]string, 0, len(gateways))
	for _, g := range gateways {
		if !slices.Contains(texts, g.String()) {
			texts = append(texts, g.String())
		}
	}
	return texts
}

// words is a list of one value, or of none.
func words(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
