package report

import (
	"encoding/json"
	"fmt"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// LinkDocument is what a hook gets of its link, as JSON. Keys, their order and
// their types are those of network-event-broker, whose users' scripts read
// them; its spelling mistakes are kept for the same reason. What netbrk adds
// stands at the end, apart from DomainSearch. No key is ever absent, and a
// list is never null.
type LinkDocument struct {
	Index            int    `json:"Index"`
	MTU              int    `json:"MTU"`
	TxQLen           int    `json:"TxQLen"`
	Name             string `json:"Name"`
	AlternativeNames string `json:"AlternativeNames"` // joined by spaces
	HardwareAddr     string `json:"HardwareAddr"`
	Flags            string `json:"Flags"` // "up|broadcast|multicast"
	RawFlags         uint32 `json:"RawFlags"`
	ParentIndex      int    `json:"ParentIndex"`
	MasterIndex      int    `json:"MasterIndex"`
	// Namespace is always empty: a hook's links are of its own namespace.
	Namespace       string                 `json:"Namespace"`
	Alias           string                 `json:"Alias"`
	Statistics      hostnet.LinkStatistics `json:"Statistics"`
	Promisc         int                    `json:"Promisc"`
	Xdp             XDPDocument            `json:"Xdp"`
	EncapType       string                 `json:"EncapType"`
	Protinfo        string                 `json:"Protinfo"`
	OperState       string                 `json:"OperState"` // RFC 2863, lower case
	NetNsID         int                    `json:"NetNsID"`
	NumTxQueues     int                    `json:"NumTxQueues"`
	NumRxQueues     int                    `json:"NumRxQueues"`
	GSOMaxSize      uint32                 `json:"GSOMaxSize"`
	GSOMaxSegs      uint32                 `json:"GSOMaxSegs"`
	Group           uint32                 `json:"Group"`
	Slave           string                 `json:"Slave"`           // kind of the link above
	KernelOperState string                 `json:"KernelOperState"` // OperState again

	AddressState     string   `json:"AddressState"`
	CarrierState     string   `json:"CarrierState"`
	Driver           string   `json:"Driver"`
	IPv4AddressState string   `json:"IPv4AddressState"`
	IPv6AddressState string   `json:"IPv6AddressState"`
	LinkFile         string   `json:"LinkFile"`
	Model            string   `json:"Model"`
	OnlineState      string   `json:"OnlineState"`
	OperationalState string   `json:"OperationalState"`
	Path             string   `json:"Path"`
	SetupState       string   `json:"SetupState"` // AdministrativeState on D-Bus
	Type             string   `json:"Type"`       // EncapType again
	Vendor           string   `json:"Vendor"`
	ProductID        string   `json:"ProductID"`
	Manufacturer     string   `json:"Manufacturer"`
	NetworkFile      string   `json:"NetworkFile"`
	DNS              []string `json:"DNS"`
	Domains          []string `json:"Domains"`
	DomainSearch     []string `json:"DomainSearch"`
	NTP              []string `json:"NTP"`

	Addresses []AddressDocument `json:"Address"`
	Routes    []RouteDocument   `json:"Routes"`

	// AddressesTruncated and RoutesTruncated tell that the list lacks some:
	// see hostnet.LinkDetails. Of a link's routes the first hostnet.MaxRoutes
	// are told, in the order of hostnet.FirstRoutes.
	AddressesTruncated bool `json:"AddressesTruncated"`
	RoutesTruncated    bool `json:"RoutesTruncated"`
}

// XDPDocument is a link's express data path program.
type XDPDocument struct {
	FD       int  `json:"Fd"`
	Attached bool `json:"Attached"`
	Flags    int  `json:"Flags"`
	ProgID   int  `json:"ProgId"`
}

// AddressDocument is one address of a link.
type AddressDocument struct {
	IP        string `json:"IP"`
	Family    string `json:"Family"` // "ipv4" or "ipv6"
	Mask      int    `json:"Mask"`   // length of the prefix
	Label     string `json:"Label"`
	Flags     int    `json:"Flags"` // IFA_F_*
	Scope     int    `json:"Scope"`
	Peer      string `json:"Peer"` // with its prefix, "192.0.2.2/32"
	Broadcast string `json:"Broadcast"`
	// The lifetimes are in seconds; 4294967295 is for ever.
	PreferedLft int `json:"PreferedLft"`
	ValidLft    int `json:"ValidLft"`
}

// RouteDocument is one route of a link.
type RouteDocument struct {
	Scope     int                 `json:"Scope"`
	Dst       DestinationDocument `json:"Dst"`
	Src       string              `json:"Src"`
	Gw        string              `json:"Gw"`
	MultiPath string              `json:"MultiPath"` // as ip-route(8) writes it
	Protocol  int                 `json:"Protocol"`
	Priority  int                 `json:"Priority"`
	Table     int                 `json:"Table"`
	Type      int                 `json:"Type"`
	Tos       int                 `json:"Tos"`
	Flags     []string            `json:"Flags"`
	MPLSDst   string              `json:"MPLSDst"`
	NewDst    string              `json:"NewDst"`
	Encap     string              `json:"Encap"`
	MTU       int                 `json:"MTU"`
	AdvMSS    int                 `json:"AdvMSS"`
	Hoplimit  int                 `json:"Hoplimit"`
}

// DestinationDocument is where a route leads; a default route, of either
// family, has an empty IP, as it always had.
type DestinationDocument struct {
	IP   string `json:"IP"`
	Mask int    `json:"Mask"`
}

// JSON returns d on one line.
func (d LinkDocument) JSON() ([]byte, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encoding document of link %q: %w", d.Name, err)
	}
	return raw, nil
}
