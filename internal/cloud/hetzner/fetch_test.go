package hetzner

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

func TestFetch(t *testing.T) {
	g := cloudtest.Answering(t, ".txtar", "two-nics")
	got, err := Provider{}.Fetch(t.Context(), g)
	require.NoError(t, err)
	want, err := parseAnswers(cloudtest.Documents(t, ".txtar")["two-nics"])
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, []string{instance, private}, g.Asked())
	assert.NotContains(t, fmt.Sprint(got), "s3cr3t", "vendor data is not for us")
}

func TestFetchFails(t *testing.T) {
	for _, want := range []error{cloud.ErrNotReady, cloud.ErrRefused, cloud.ErrAbsent} {
		_, err := Provider{}.Fetch(t.Context(), cloudtest.Answering(t, ".txtar", "two-nics").Failing(instance, want))
		assert.ErrorIs(t, err, want)

		got, err := Provider{}.Fetch(t.Context(), cloudtest.Answering(t, ".txtar", "two-nics").Failing(private, want))
		require.NoError(t, err)
		assert.Equal(t, []string{"private-networks"}, got.Missing)
		require.Len(t, got.NICs, 1)
		assert.Empty(t, got.NICs[0].Missing)

		_, err = Provider{}.Fetch(t.Context(), cloudtest.Answering(t, ".txtar", "private-only").Failing(private, want))
		assert.ErrorIs(t, err, want)
	}
}
