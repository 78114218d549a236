package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

// fullDetails sets every field, most of them to what a real host shows.
func fullDetails() hostnet.LinkDetails {
	return hostnet.LinkDetails{
		Link: hostnet.Link{
			Index: 7, Name: "ens5", OperState: hostnet.OperUp, MasterIndex: 9, Type: 1,
			Flags: hostnet.FlagUp | hostnet.FlagBroadcast | hostnet.FlagMulticast | hostnet.FlagLowerUp,
		},
		AlternativeNames: []string{"enp0s5", "enx020000000005"},
		HardwareAddr:     "02:00:00:00:00:05",
		Alias:            `uplink "A" <east>`,
		MTU:              9001,
		TxQueueLen:       1000,
		ParentIndex:      3,
		NamespaceID:      -1,
		MasterKind:       "vrf",
		BridgePort:       "Learning Flood",
		EncapType:        "ether",
		Promiscuity:      1,
		XDP:              hostnet.XDP{FD: 4, Attached: true, Flags: 2, ProgramID: 42},
		TxQueues:         8,
		RxQueues:         8,
		GSOMaxSize:       65536,
		GSOMaxSegs:       65535,
		Group:            5,
		Statistics:       fullStatistics(),
		Addresses: []hostnet.AddrDetails{
			{
				Addr:      hostnet.Addr{Prefix: netip.MustParsePrefix("10.4.0.5/24"), Flags: 0x200},
				Broadcast: netip.MustParseAddr("10.4.0.255"), Label: "ens5:1",
				PreferredSeconds: 598, ValidSeconds: 598,
			},
			{
				Addr: hostnet.Addr{
					Prefix: netip.MustParsePrefix("192.0.2.1/31"), Peer: netip.MustParseAddr("192.0.2.2"), Flags: 0x80,
				},
				PreferredSeconds: 1<<32 - 1, ValidSeconds: 1<<32 - 1,
			},
			{
				Addr: hostnet.Addr{
					Prefix: netip.MustParsePrefix("fe80::ff:fe00:5/64"), Scope: hostnet.ScopeLink, Flags: 0x80,
				},
				PreferredSeconds: 1<<32 - 1, ValidSeconds: 1<<32 - 1,
			},
		},
		Routes: []hostnet.RouteDetails{
			{
				Destination: netip.MustParsePrefix("198.51.100.0/24"), Scope: hostnet.ScopeGlobal,
				NextHops: []hostnet.NextHop{
					{Link: "ens5", Gateway: netip.MustParseAddr("10.4.0.1"), Weight: 1},
					{Link: "ens6", Weight: 3},
				},
				Protocol: 186, Table: 10006, Type: 1, TOS: 16, Encap: "100/200",
			},
			{
				Destination: netip.MustParsePrefix("10.4.0.0/24"), Source: netip.MustParseAddr("10.4.0.5"),
				Scope: hostnet.ScopeLink, Protocol: 2, Priority: 1024, Table: hostnet.TableMain, Type: 1,
			},
			{MPLSDestination: "16", NewDestination: "17", Table: hostnet.TableMain, Protocol: 4, Type: 1},
			{
				Destination: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1"),
				Protocol: 9, Priority: 1024, Table: hostnet.TableMain, Type: 1, HopLimit: 64, MTU: 1492, AdvMSS: 1432,
			},
			{
				Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.4.0.1"),
				Source: netip.MustParseAddr("10.4.0.5"), Flags: []string{"onlink"},
				Protocol: 16, Priority: 1024, Table: hostnet.TableMain, Type: 1,
			},
		},
	}
}

// fullStatistics gives each counter a value of its own, so that two swapped
// ones show.
func fullStatistics() hostnet.LinkStatistics {
	var s hostnet.LinkStatistics
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(1000 + i))
	}
	return s
}

func fullStates() hostnet.States {
	return hostnet.States{
		hostnet.OperationalState:    "routable",
		hostnet.AdministrativeState: "configured",
		hostnet.CarrierState:        "carrier",
		hostnet.AddressState:        "routable",
		hostnet.IPv4AddressState:    "routable",
		hostnet.IPv6AddressState:    "degraded",
		hostnet.OnlineState:         "online",
	}
}

func fullDevice() hostnet.DeviceFacts {
	return hostnet.DeviceFacts{
		Driver: "ena", Vendor: "Amazon.com, Inc.", Model: "Elastic Network Adapter (ENA)", ProductID: "ec20",
		Manufacturer: "Amazon", Path: "pci-0000:00:05.0", LinkFile: "/usr/lib/systemd/network/99-default.link",
	}
}

func fullNetwork() hostnet.NetworkFacts {
	return hostnet.NetworkFacts{
		NetworkFile: "/etc/systemd/network/10-ens.network",
		DNS:         []string{"10.4.0.1", "2001:db8::53"}, Domains: []string{"example.test"},
		DomainSearch: []string{"example.test", "corp.example"}, NTP: []string{"10.4.0.2"},
	}
}

func TestBuildGolden(t *testing.T) {
	details := fullDetails()
	doc := report.Build(details, fullStates(), fullDevice(), fullNetwork())
	assert.Equal(t, fullDetails(), details, "Build changed what it was given")

	raw, err := doc.JSON()
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "\n")
	assert.Empty(t, unset(reflect.ValueOf(doc), ""), "the golden document must show every key with a value")

	var got bytes.Buffer
	require.NoError(t, json.Indent(&got, raw, "", "  "))
	golden := filepath.Join("testdata", "link.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

// unset names the keys of a document that are zero, but for those that must or
// may be: lists are looked at as a whole, so one element that has it is enough.
func unset(v reflect.Value, key string) []string {
	switch v.Kind() {
	case reflect.Struct:
		var all []string
		for i := range v.NumField() {
			all = append(all, unset(v.Field(i), key+"."+v.Type().Field(i).Name)...)
		}
		return all
	case reflect.Slice:
		if v.Len() == 0 {
			return []string{key}
		}
		missing := unset(v.Index(0), key)
		for i := 1; i < v.Len(); i++ {
			also := unset(v.Index(i), key)
			missing = slices.DeleteFunc(missing, func(k string) bool { return !slices.Contains(also, k) })
		}
		return missing
	}
	if v.IsZero() && !slices.Contains([]string{".Namespace", ".AddressesTruncated", ".RoutesTruncated"}, key) {
		return []string{key}
	}
	return nil
}

func TestBuildOfAnUnknownLinkHasNoNull(t *testing.T) {
	raw, err := report.Build(hostnet.LinkDetails{}, nil, hostnet.DeviceFacts{}, hostnet.NetworkFacts{}).JSON()
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "null")

	raw, err = report.Build(hostnet.LinkDetails{Routes: []hostnet.RouteDetails{{}}}, nil,
		hostnet.DeviceFacts{}, hostnet.NetworkFacts{}).JSON()
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "null")
}

func TestBuildNames(t *testing.T) {
	tests := []struct {
		name      string
		flags     uint32
		oper      uint8
		wantFlags string
		wantOper  string
	}{
		{"nothing", 0, 0, "0", "unknown"},
		{"loopback", 0x10049, 0, "up|loopback", "unknown"},
		{"ethernet, running", 0x11043, 6, "up|broadcast|multicast", "up"},
		{"point to point", 0x10d1, 3, "up|pointtopoint|multicast", "lower-layer-down"},
		{"down", 0x1002, 2, "broadcast|multicast", "down"},
		{"state of a later kernel", 0x1, 200, "up", "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := hostnet.LinkDetails{Link: hostnet.Link{Flags: tt.flags, OperState: tt.oper}}
			doc := report.Build(d, nil, hostnet.DeviceFacts{}, hostnet.NetworkFacts{})
			assert.Equal(t, tt.wantFlags, doc.Flags)
			assert.Equal(t, tt.flags, doc.RawFlags)
			assert.Equal(t, tt.wantOper, doc.OperState)
			assert.Equal(t, tt.wantOper, doc.KernelOperState)
		})
	}
}

func TestBuildCutsRoutesAndSaysSo(t *testing.T) {
	var d hostnet.LinkDetails
	for i := range hostnet.MaxRoutes {
		d.Routes = append(d.Routes, hostnet.RouteDetails{
			Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24),
			Gateway:     netip.MustParseAddr("192.0.2.1"), Table: hostnet.TableMain,
		})
	}
	doc := report.Build(d, nil, hostnet.DeviceFacts{}, hostnet.NetworkFacts{})
	assert.Len(t, doc.Routes, hostnet.MaxRoutes)
	assert.False(t, doc.RoutesTruncated)

	// The default route comes last from the kernel and first in the document.
	d.Routes = append(d.Routes, hostnet.RouteDetails{
		Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.0.2.254"),
	})
	doc = report.Build(d, nil, hostnet.DeviceFacts{}, hostnet.NetworkFacts{})
	assert.Len(t, doc.Routes, hostnet.MaxRoutes)
	assert.True(t, doc.RoutesTruncated)
	assert.Equal(t, "192.0.2.254", doc.Routes[0].Gw)

	d = hostnet.LinkDetails{RoutesTruncated: true, AddressesTruncated: true}
	doc = report.Build(d, nil, hostnet.DeviceFacts{}, hostnet.NetworkFacts{})
	assert.True(t, doc.RoutesTruncated, "what the kernel's reader cut is cut")
	assert.True(t, doc.AddressesTruncated)
}

func TestBuildWithManyAddresses(t *testing.T) {
	var d hostnet.LinkDetails
	for i := range 10_000 {
		d.Addresses = append(d.Addresses, hostnet.AddrDetails{
			Addr: hostnet.Addr{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 32)},
		})
	}
	raw, err := report.Build(d, nil, hostnet.DeviceFacts{}, hostnet.NetworkFacts{}).JSON()
	require.NoError(t, err)

	var back report.LinkDocument
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Len(t, back.Addresses, 10_000)
	assert.Equal(t, "10.1.39.15", back.Addresses[9_999].IP)
}

func TestDocumentHoldsHostileText(t *testing.T) {
	// An alias or a device's name is anybody's bytes; the document stays JSON
	// and the environment string it becomes has no NUL.
	hostile := "a\x00b\n\"'\\\xff$(reboot)\u2028"
	d := hostnet.LinkDetails{Alias: hostile, AlternativeNames: []string{hostile}}
	raw, err := report.Build(d, nil, hostnet.DeviceFacts{Model: hostile}, hostnet.NetworkFacts{}).JSON()
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "\x00")
	assert.NotContains(t, string(raw), "\n")

	var back report.LinkDocument
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Equal(t, "a\x00b\n\"'\\\uFFFD$(reboot)\u2028", back.Alias, fmt.Sprintf("%q", raw))
}
