package bustest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"
)

// maxWire bounds a message in fuzzing. The bus refuses longer ones at 128 MiB, and
// checks the rest first: it is about what we take from a message.
const maxWire = 16 << 10

// Wire returns a signal as it is on the wire, the body of an answer included: seeds
// for Message.
func Wire(t testing.TB, path, iface, member string, body ...any) []byte {
	t.Helper()
	m := &dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(path)),
			dbus.FieldInterface: dbus.MakeVariant(iface),
			dbus.FieldMember:    dbus.MakeVariant(member),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...)),
		},
		Body: body,
	}
	var wire bytes.Buffer
	require.NoError(t, m.EncodeTo(&wire, binary.LittleEndian))
	return wire.Bytes()
}

// TruthKeys makes the keys of a message's maps booleans where they are of type "i": a
// type that the bus passes on and godbus cannot make, and reads if the map is empty.
func TruthKeys(wire []byte) []byte { return bytes.ReplaceAll(wire, []byte("{i"), []byte("{b")) }

// Message reads bytes as godbus does, and makes a signal and an answer of what they
// are; nil where they are none.
func Message(wire []byte) (*dbus.Signal, *dbus.Call) {
	// A structure of nothing, of which godbus reads an array without end, the bus
	// refuses as well: _dbus_validate_signature_with_reason() of dbus.
	if len(wire) > maxWire || bytes.Contains(wire, []byte("()")) {
		return nil, nil
	}
	m, err := dbus.DecodeMessage(bytes.NewReader(wire))
	if err != nil {
		return nil, nil
	}
	// As Conn.handleSignal does.
	path, _ := m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	iface, _ := m.Headers[dbus.FieldInterface].Value().(string)
	member, _ := m.Headers[dbus.FieldMember].Value().(string)
	sender, _ := m.Headers[dbus.FieldSender].Value().(string)
	done := make(chan *dbus.Call, 1)
	call := &dbus.Call{Body: m.Body, Done: done}
	done <- call
	return &dbus.Signal{Sender: sender, Path: path, Name: iface + "." + member, Body: m.Body}, call
}
