package networkd

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

const propertiesInterface = "org.freedesktop.DBus.Properties"

// FuzzSignal reads a message of the bus with any header and body, as godbus does, and
// takes what it tells. Who has networkd's name on the bus may say anything in it:
// another type for a property, a path of nobody. Seeds are what three versions of
// networkd signalled.
func FuzzSignal(f *testing.F) {
	for _, version := range []string{"247", "252", "257"} {
		for _, sig := range readSignals(f, filepath.Join("testdata", "systemd-"+version, "signals.jsonl")) {
			f.Add(bustest.Wire(f, string(sig.Path), propertiesInterface, "PropertiesChanged", sig.Body...))
		}
	}
	for _, values := range []map[string]dbus.Variant{
		{"OperationalState": dbus.MakeVariant("../../evil"), "CarrierState": dbus.MakeVariant("")},
		{"OperationalState": dbus.MakeVariant(uint32(7)), "AddressState": dbus.MakeVariant([]string{"routable"})},
		{"OperationalState": dbus.MakeVariant(dbus.MakeVariant("routable")), "AdministrativeState": dbus.MakeVariant(dbus.ObjectPath("/configured"))},
		{},
	} {
		f.Add(bustest.Wire(f, linkPath(3), propertiesInterface, "PropertiesChanged", linkInterface, values, []string{}))
		f.Add(bustest.Wire(f, linkPrefix+"_2d5", propertiesInterface, "PropertiesChanged", linkInterface, values))
	}
	f.Add(bustest.Wire(f, linkPath(3), propertiesInterface, "PropertiesChanged", uint32(1), []string{"OperationalState"}, ""))
	f.Add(bustest.Wire(f, linkPath(3), propertiesInterface, "PropertiesChanged", linkInterface))
	f.Add(bustest.Wire(f, linkPath(3), propertiesInterface, "PropertiesChanged", dhcpInterface, map[string]dbus.Variant{"State": dbus.MakeVariant(3)}))
	f.Add(bustest.Wire(f, "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", busName, ":1.2", ":1.3"))
	f.Add(bustest.Wire(f, "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", 1, 2, 3))
	f.Fuzz(func(t *testing.T, wire []byte) {
		sig, _ := bustest.Message(wire)
		if sig == nil {
			return
		}
		if ownerChanged(sig) {
			assert.Equal(t, busName, sig.Body[0])
			return
		}
		change, ok := decodeSignal(sig)
		if !ok {
			return
		}
		assert.Equal(t, propertiesInterface+".PropertiesChanged", sig.Name)
		assert.False(t, change.Unknown)
		values := sig.Body[1].(map[string]dbus.Variant)
		switch iface := sig.Body[0].(string); iface {
		case managerInterface:
			assert.Equal(t, dbus.ObjectPath(managerObj), sig.Path)
			assert.Zero(t, change.Index)
		case linkInterface, dhcpInterface:
			assert.Positive(t, change.Index)
			assert.True(t, strings.HasPrefix(string(sig.Path), linkPrefix), sig.Path)
			assert.Equal(t, iface == dhcpInterface, change.Lease)
		default:
			assert.Fail(t, "of another interface", iface)
		}
		assert.True(t, change.Lease || len(change.States) > 0)
		checkStates(t, values, change.States)
	})
}

func checkStates(t *testing.T, values map[string]dbus.Variant, states hostnet.States) {
	t.Helper()
	for p, word := range states {
		assert.Contains(t, hostnet.Properties(), p)
		assert.True(t, hostnet.IsState(p, word), "%s=%q", p, word)
		assert.Equal(t, word, values[string(p)].Value())
	}
}

// FuzzAnswer takes a message for networkd's answer to each of our questions.
func FuzzAnswer(f *testing.F) {
	for _, body := range [][]any{
		{[]listed{{1, "lo", "/org/freedesktop/network1/link/_31"}, {25, "ens5", "/org/freedesktop/network1/link/_325"}}},
		{[]listed{{-5, "", "/"}, {0, "../x", "/"}, {25, "a", "/"}, {25, "b", "/"}}},
		{[]string{"lo"}}, {map[string]dbus.Variant{"OperationalState": dbus.MakeVariant("routable"), "X": dbus.MakeVariant(map[string]int32{"a": 1})}},
		{dbus.MakeVariant(uint64(4026531840))}, {dbus.MakeVariant("4026531840")}, {uint64(1)}, {}, {[]struct{ A, B string }{{"a", "b"}}},
		{map[int32]dbus.Variant{}}, {map[string]dbus.Variant{"OperationalState": dbus.MakeVariant(map[int32]dbus.Variant{})}},
	} {
		wire := bustest.Wire(f, "/x", "x.y", "Z", body...)
		f.Add(wire)
		f.Add(bustest.TruthKeys(wire))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		_, call := bustest.Message(wire)
		if call == nil {
			return
		}
		indexes, err := linkIndexes(call)
		seen := map[int]bool{}
		for _, index := range indexes {
			assert.NoError(t, err)
			assert.Positive(t, index)
			assert.False(t, seen[index], "%d is asked about twice", index)
			seen[index] = true
			again, ok := linkIndex(linkPath(index))
			assert.True(t, ok)
			assert.Equal(t, index, again)
		}
		if states, err := storedStates(call); err == nil {
			values := map[string]dbus.Variant{}
			assert.NoError(t, systembus.Store(call, &values))
			before := maps.Clone(values)
			checkStates(t, values, states)
			assert.Equal(t, len(before), len(values))
		}
		_, _ = namespaceID(call)
	})
}
