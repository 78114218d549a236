package oracle

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

func getter(t *testing.T) *cloudtest.Getter {
	t.Helper()
	return cloudtest.Answering(t, ".txt", "two-nics")
}

func TestFetch(t *testing.T) {
	g := getter(t)
	m, err := Provider{}.Fetch(t.Context(), g)
	require.NoError(t, err)
	assert.Len(t, m.NICs, 2)
	assert.Empty(t, m.Missing)
	assert.Equal(t, slices.Sorted(slices.Values(append(factKeys(), nicsKey))), g.Asked())
}

func TestFetchAbsent(t *testing.T) {
	m, err := Provider{}.Fetch(t.Context(), getter(t).Without(factKeys()...))
	require.NoError(t, err)
	assert.Empty(t, m.Missing)
	assert.Len(t, m.NICs, 2)

	_, err = Provider{}.Fetch(t.Context(), getter(t).Without(nicsKey))
	assert.ErrorIs(t, err, cloud.ErrAbsent)
}

func TestFetchFailing(t *testing.T) {
	for _, key := range factKeys() {
		t.Run(key, func(t *testing.T) {
			m, err := Provider{}.Fetch(t.Context(), getter(t).Failing(key, cloud.ErrNotReady))
			require.NoError(t, err)
			assert.Equal(t, []string{key}, m.Missing)
			assert.Empty(t, m.NICs[0].Missing)
		})
	}
	_, err := Provider{}.Fetch(t.Context(), getter(t).Failing(nicsKey, cloud.ErrRefused))
	assert.ErrorIs(t, err, cloud.ErrRefused)
}
