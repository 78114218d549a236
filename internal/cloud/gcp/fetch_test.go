package gcp

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
	g := cloudtest.Answering(t, ".txt", "two-nics")
	g.Bodies[instanceAttributes+"startup-script"] = "secret"
	return g
}

func TestFetch(t *testing.T) {
	g := getter(t)
	m, err := Provider{}.Fetch(t.Context(), g)
	require.NoError(t, err)
	assert.Len(t, m.NICs, 2)
	assert.Empty(t, m.Missing)
	want := append([]string{nicsKey, instanceAttributes, projectAttributes}, factKeys()...)
	want = append(want, instanceAttributes+"ssh-keys", projectAttributes+"ssh-keys", projectAttributes+"sshKeys")
	assert.Equal(t, slices.Sorted(slices.Values(want)), g.Asked())
}

func TestFetchAbsent(t *testing.T) {
	m, err := Provider{}.Fetch(t.Context(), getter(t).Without(factKeys()...).Without(instanceAttributes, projectAttributes))
	require.NoError(t, err)
	assert.Empty(t, m.Missing)
	assert.Len(t, m.NICs, 2)
	assert.Empty(t, m.System.SSHKeys)

	_, err = Provider{}.Fetch(t.Context(), getter(t).Without(nicsKey))
	assert.ErrorIs(t, err, cloud.ErrAbsent)
}

func TestFetchFailing(t *testing.T) {
	for _, key := range []string{"instance/id", instanceAttributes, projectAttributes, projectAttributes + "ssh-keys"} {
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
