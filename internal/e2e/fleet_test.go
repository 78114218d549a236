//go:build e2e

package e2e

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newFleet is NewFleet for the time of a test that cannot do without one.
func newFleet(t *testing.T, prepare func(context.Context, *Machine) error) *Fleet {
	t.Helper()
	Require(t)
	fleet, err := NewFleet(t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil)), prepare)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, fleet.Close()) })
	return fleet
}
