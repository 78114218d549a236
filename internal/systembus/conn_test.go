package systembus

import (
	"context"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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

// shortly is how long a test waits for a bus that says nothing.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestStoppedBus: a bus that was stopped takes connections and says nothing.
func TestStoppedBus(t *testing.T) {
	b := bustest.New(t)
	b.Start()
	var l Lazy
	t.Cleanup(l.Close)
	made, err := l.Get(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.Process().Signal(unix.SIGSTOP))

	_, err = made.Owner(shortly(t), "org.example")
	require.ErrorIs(t, err, ErrSilent)
	require.ErrorIs(t, made.Subscribe(shortly(t)), ErrSilent)
	_, err = DialFor(shortly(t))
	require.ErrorIs(t, err, ErrSilent)
	var late Lazy
	t.Cleanup(late.Close)
	_, err = late.Get(shortly(t))
	require.ErrorIs(t, err, ErrSilent, "not after CallTimeout")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = late.Get(ended)
	require.ErrorIs(t, err, context.Canceled)

	require.NoError(t, b.Process().Signal(unix.SIGCONT))
	_, err = made.Owner(t.Context(), "org.example")
	require.ErrorIs(t, err, ErrNoOwner)
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	conn, err := late.Get(limited)
	require.NoError(t, err)
	cancel()
	_, err = conn.Owner(t.Context(), "org.example")
	assert.ErrorIs(t, err, ErrNoOwner, "the connection outlives what it was made for")
}

// TestMuteBus: one that was stopped once it had let us in.
func TestMuteBus(t *testing.T) {
	bustest.Mute(t)
	conn, err := DialFor(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	assert.ErrorIs(t, conn.Subscribe(shortly(t)), ErrSilent)
}
