package openstack

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

type route struct {
	Network cloud.Text `json:"network"`
	Netmask cloud.Text `json:"netmask"`
	Gateway cloud.Text `json:"gateway"`
}

// isDefault reports whether the route is for all there is: 0.0.0.0 and 0.0.0.0,
// :: and ::, or either with a length.
func (r route) isDefault() bool {
	host, length, _ := strings.Cut(string(r.Network), "/")
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsUnspecified() && strings.Trim(length+string(r.Netmask), "0.:") == ""
}

func (r route) destination() string {
	if r.Netmask == "" || strings.Contains(string(r.Network), "/") {
		return string(r.Network)
	}
	return string(r.Network + "/" + r.Netmask)
}

// addGateway notes the default route's next hop; the first one of a family holds.
func (b *builder) addGateway(key, text string, six bool) {
	at, family := &b.nic.Gateway4, netip.Addr.Is4
	if six {
		at, family = &b.nic.Gateway6, netip.Addr.Is6
	}
	if addr := b.gaps.Gateway(key, text, family); !at.IsValid() {
		*at = addr
	}
}

// addRoute adds one of a subnet's routes. Neutron writes a next hop of 0.0.0.0 for
// a destination on the link itself, which is a subnet by another name.
func (b *builder) addRoute(r route, six bool) {
	if r.isDefault() {
		b.addGateway("networks.routes.gateway", string(r.Gateway), six)
		return
	}
	destination, err := cloud.ParsePrefix(r.destination())
	if err != nil || destination.Addr().Is6() != six {
		b.gaps.Add("networks.routes.network")
		return
	}
	family := netip.Addr.Is4
	if six {
		family = netip.Addr.Is6
	}
	found := hostnet.CloudRoute{Destination: destination}
	found.Gateway = b.gaps.Gateway("networks.routes.gateway", string(r.Gateway), family)
	if !found.Gateway.IsValid() {
		b.addSubnet(destination)
	} else if !slices.Contains(b.nic.Routes, found) {
		b.nic.Routes = append(b.nic.Routes, found)
	}
}
