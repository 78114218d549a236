package providers_test

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/cloud/providers"
	"github.com/netbrk/netbrk/internal/config"
)

// TestAll: a cloud that can be configured can be asked, and there is a service for
// tests of it; and the other way round.
func TestAll(t *testing.T) {
	var names []string
	for _, p := range providers.All() {
		names = append(names, p.Name())
		assert.Equal(t, p, providers.Named(p.Name()))
	}
	assert.Equal(t, config.Providers(), names)
	assert.Equal(t, imdstest.Clouds(), slices.Sorted(slices.Values(names)))
	for _, name := range []string{cloud.None, cloud.Auto, ""} {
		assert.Nil(t, providers.Named(name))
	}
}

// TestEndpoints: every cloud is asked at an address, and never by a name, which
// somebody else could answer for.
func TestEndpoints(t *testing.T) {
	for _, p := range providers.All() {
		require.NotEmpty(t, p.Endpoint().Bases, p.Name())
		for _, base := range p.Endpoint().Bases {
			u, err := url.Parse(strings.ReplaceAll(base, "%LINK", "%25lo"))
			require.NoError(t, err)
			assert.Equal(t, "http", u.Scheme, base)
			assert.True(t, strings.HasSuffix(u.Path, "/"), base)
			_, err = netip.ParseAddr(u.Hostname())
			assert.NoError(t, err, base)
		}
	}
}
