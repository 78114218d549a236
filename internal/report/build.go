package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Build composes the document of one link. It changes nothing it is given.
func Build(
	details hostnet.LinkDetails, states hostnet.States, device hostnet.DeviceFacts, network hostnet.NetworkFacts,
) LinkDocument {
	oper := operState(details.OperState)
	routes := hostnet.FirstRoutes(slices.Clone(details.Routes), hostnet.MaxRoutes)
	return LinkDocument{
		Index:            details.Index,
		MTU:              details.MTU,
		TxQLen:           details.TxQueueLen,
		Name:             details.Name,
		AlternativeNames: strings.Join(details.AlternativeNames, " "),
		HardwareAddr:     details.HardwareAddr,
		Flags:            flagNames(details.Flags),
		RawFlags:         details.Flags,
		ParentIndex:      details.ParentIndex,
		MasterIndex:      details.MasterIndex,
		Alias:            details.Alias,
		Statistics:       details.Statistics,
		Promisc:          details.Promiscuity,
		Xdp: XDPDocument{
			FD:       details.XDP.FD,
			Attached: details.XDP.Attached,
			Flags:    int(details.XDP.Flags),
			ProgID:   int(details.XDP.ProgramID),
		},
		EncapType:       details.EncapType,
		Protinfo:        details.BridgePort,
		OperState:       oper,
		NetNsID:         details.NamespaceID,
		NumTxQueues:     details.TxQueues,
		NumRxQueues:     details.RxQueues,
		GSOMaxSize:      details.GSOMaxSize,
		GSOMaxSegs:      details.GSOMaxSegs,
		Group:           details.Group,
		Slave:           details.MasterKind,
		KernelOperState: oper,

		AddressState:     states[hostnet.AddressState],
		CarrierState:     states[hostnet.CarrierState],
		Driver:           device.Driver,
		IPv4AddressState: states[hostnet.IPv4AddressState],
		IPv6AddressState: states[hostnet.IPv6AddressState],
		LinkFile:         device.LinkFile,
		Model:            device.Model,
		OnlineState:      states[hostnet.OnlineState],
		OperationalState: states[hostnet.OperationalState],
		Path:             device.Path,
		SetupState:       states[hostnet.AdministrativeState],
		Type:             details.EncapType,
		Vendor:           device.Vendor,
		ProductID:        device.ProductID,
		Manufacturer:     device.Manufacturer,
		NetworkFile:      network.NetworkFile,
		DNS:              list(network.DNS),
		Domains:          list(network.Domains),
		DomainSearch:     list(network.DomainSearch),
		NTP:              list(network.NTP),

		Addresses: each(details.Addresses, addressDocument),
		Routes:    each(routes, routeDocument),

		AddressesTruncated: details.AddressesTruncated,
		RoutesTruncated:    details.RoutesTruncated || len(routes) < len(details.Routes),
	}
}

// list returns a copy of l that is [] in JSON where l is nil.
func list(l []string) []string { return append([]string{}, l...) }

func each[From, To any](values []From, convert func(From) To) []To {
	out := make([]To, 0, len(values))
	for _, v := range values {
		out = append(out, convert(v))
	}
	return out
}

func addressDocument(a hostnet.AddrDetails) AddressDocument {
	doc := AddressDocument{
		IP:          addrText(a.Prefix.Addr()),
		Family:      "ipv6",
		Mask:        a.Prefix.Bits(),
		Label:       a.Label,
		Flags:       int(a.Flags),
		Scope:       int(a.Scope),
		Broadcast:   addrText(a.Broadcast),
		PreferedLft: int(a.PreferredSeconds),
		ValidLft:    int(a.ValidSeconds),
	}
	if a.Prefix.Addr().Is4() {
		doc.Family = "ipv4"
	}
	if a.Peer.IsValid() {
		// The prefix is then the peer's, as it is for ip(8).
		doc.Mask = a.Prefix.Addr().BitLen()
		doc.Peer = fmt.Sprintf("%s/%d", a.Peer, a.Prefix.Bits())
	}
	return doc
}

func routeDocument(r hostnet.RouteDetails) RouteDocument {
	doc := RouteDocument{
		Scope:     int(r.Scope),
		Src:       addrText(r.Source),
		Gw:        addrText(r.Gateway),
		MultiPath: multiPath(r.NextHops),
		Protocol:  r.Protocol,
		Priority:  r.Priority,
		Table:     r.Table,
		Type:      r.Type,
		Tos:       r.TOS,
		Flags:     list(r.Flags),
		MPLSDst:   r.MPLSDestination,
		NewDst:    r.NewDestination,
		Encap:     r.Encap,
		MTU:       r.MTU,
		AdvMSS:    r.AdvMSS,
		Hoplimit:  r.HopLimit,
	}
	if r.Destination.Bits() > 0 {
		doc.Dst = DestinationDocument{IP: r.Destination.Addr().String(), Mask: r.Destination.Bits()}
	}
	return doc
}

// multiPath writes the paths as ip-route(8) does.
func multiPath(hops []hostnet.NextHop) string {
	words := make([]string, 0, len(hops))
	for _, h := range hops {
		via := ""
		if h.Gateway.IsValid() {
			via = fmt.Sprintf("via %s ", h.Gateway)
		}
		words = append(words, fmt.Sprintf("nexthop %sdev %s weight %d", via, h.Link, h.Weight))
	}
	return strings.Join(words, " ")
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// flagNames writes the flags that the older tool knew as it wrote them, which
// is how Go's net.Flags did before it learnt IFF_RUNNING in Go 1.20; RawFlags
// tells that one too.
func flagNames(flags uint32) string {
	names := []struct {
		flag uint32
		name string
	}{
		{hostnet.FlagUp, "up"},
		{hostnet.FlagBroadcast, "broadcast"},
		{hostnet.FlagLoopback, "loopback"},
		{hostnet.FlagPointToPoint, "pointtopoint"},
		{hostnet.FlagMulticast, "multicast"},
	}
	var set []string
	for _, n := range names {
		if flags&n.flag != 0 {
			set = append(set, n.name)
		}
	}
	if set == nil {
		return "0"
	}
	return strings.Join(set, "|")
}

// operState names the IF_OPER_* of uapi/linux/if.h as RFC 2863 section 6 does.
func operState(state uint8) string {
	names := [...]string{"unknown", "not-present", "down", "lower-layer-down", "testing", "dormant", "up"}
	if int(state) >= len(names) {
		return names[0]
	}
	return names[state]
}
