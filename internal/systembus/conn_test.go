package systembus

import (
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/bustest"
)

// TestStore: an answer of another type is an error, also where godbus panics.
func TestStore(t *testing.T) {
	var variant dbus.Variant
	var variants map[string]dbus.Variant
	answer := func(body any) *dbus.Call {
		_, call := bustest.Message(bustest.TruthKeys(bustest.Wire(t, "/x", "x.y", "Z", body)))
		require.NotNil(t, call)
		return call
	}
	odd := answer(map[int32]dbus.Variant{})
	require.Panics(t, func() { _ = odd.Store(&variant) }, "godbus has learnt it: Store can go")
	assert.EqualError(t, Store(odd, &variant), "it cannot be read as *dbus.Variant")
	assert.Error(t, StoreVariant(dbus.MakeVariantWithSignature(map[bool]dbus.Variant{true: variant}, dbus.Signature{}), &variant))
	assert.Error(t, Store(answer("x"), &variants))

	require.NoError(t, Store(answer(dbus.MakeVariant("x")), &variant))
	var text string
	require.NoError(t, StoreVariant(variant, &text))
	assert.Equal(t, "x", text)
	assert.Error(t, StoreVariant(variant, &variants))
	assert.Equal(t, assert.AnError, Store(&dbus.Call{Err: assert.AnError}, &variant))
}
