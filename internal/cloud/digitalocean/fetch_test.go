package digitalocean

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
)

func TestFetch(t *testing.T) {
	raw := cloudtest.Documents(t, ".json")["two-nics"]
	g := &cloudtest.Getter{Bodies: map[string]string{"v1.json": string(raw)}}
	got, err := Provider{}.Fetch(t.Context(), g)
	require.NoError(t, err)
	want, err := Parse(raw)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, []string{"v1.json"}, g.Asked())
	assert.NotContains(t, fmt.Sprint(got), "0123456789abcdef", "auth_key is a secret")
	assert.NotContains(t, fmt.Sprint(got), "cloud-config")
}

func TestFetchFails(t *testing.T) {
	for _, want := range []error{cloud.ErrAbsent, cloud.ErrNotReady, cloud.ErrRefused} {
		_, err := Provider{}.Fetch(t.Context(), &cloudtest.Getter{Errs: map[string]error{"v1.json": want}})
		assert.ErrorIs(t, err, want)
	}
}
