package imdstest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// rendered asks a service without a network. What must not be kept comes in the
// documents that must be asked for.
type rendered struct {
	render render
	base   string
	told   hostnet.Metadata
}

func (r rendered) Get(_ context.Context, path string) ([]byte, error) {
	answer := r.render(r.told, httptest.NewRequest(http.MethodGet, r.base+path, nil))
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("reading metadata %q: %w", path, cloud.ErrAbsent)
	}
	return answer.Body, nil
}

// roundTrip makes sure that the provider reads what the service was to tell.
func roundTrip(t *testing.T, p cloud.Provider, render render, told hostnet.Metadata) {
	t.Helper()
	got, err := p.Fetch(t.Context(), rendered{render, p.Endpoint().Bases[0], told})
	require.NoError(t, err)
	cloudtest.Check(t, got)
	assert.Equal(t, told, got)
	assert.NotContains(t, fmt.Sprint(got), Secret)
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func prefixes(texts ...string) []netip.Prefix {
	found := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		found[i] = netip.MustParsePrefix(text)
	}
	return found
}

// at is an address with the length of its subnet's prefix.
func at(text string, role hostnet.Role) hostnet.CloudAddress {
	p := netip.MustParsePrefix(text)
	return hostnet.CloudAddress{Addr: p.Addr(), Bits: p.Bits(), Role: role}
}
