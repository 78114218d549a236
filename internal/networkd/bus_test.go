package networkd

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// FuzzCheckedStates reads a message of the bus with any body, as godbus does, and
// takes the properties that it tells. Seeds are marshalled, so they are as on the
// wire.
func FuzzCheckedStates(f *testing.F) {
	for _, values := range []map[string]any{
		{"OperationalState": "routable", "AdministrativeState": "configured"},
		{"OperationalState": "../../evil", "CarrierState": ""},
		{"OperationalState": uint32(7), "AddressState": []string{"routable"}, "IPv4AddressState": dbus.ObjectPath("/a")},
		{},
	} {
		body := map[string]dbus.Variant{}
		for key, value := range values {
			body[key] = dbus.MakeVariant(value)
		}
		m := &dbus.Message{
			Type: dbus.TypeSignal,
			Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(linkPath(3))),
				dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.DBus.Properties"),
				dbus.FieldMember:    dbus.MakeVariant("PropertiesChanged"),
				dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(linkInterface, body, []string{})),
			},
			Body: []any{linkInterface, body, []string{}},
		}
		var wire bytes.Buffer
		if err := m.EncodeTo(&wire, binary.LittleEndian); err != nil {
			f.Fatal(err)
		}
		f.Add(wire.Bytes())
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		// The bus itself refuses longer ones at 128 MiB, and checks the rest first;
		// here it is about what we take from a message.
		if len(wire) > 4096 {
			return
		}
		m, err := dbus.DecodeMessage(bytes.NewReader(wire))
		if err != nil || len(m.Body) < 2 {
			return
		}
		values, ok := m.Body[1].(map[string]dbus.Variant)
		if !ok {
			return
		}
		for p, word := range checkedStates(values) {
			assert.Contains(t, hostnet.Properties(), p)
			assert.True(t, hostnet.IsState(p, word), "%s=%q", p, word)
			assert.Equal(t, word, values[string(p)].Value())
		}
	})
}
