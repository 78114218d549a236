package imdstest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/cloudtest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// direct asks a render as the client asks a service, without a network between.
type direct struct {
	t        *testing.T
	endpoint cloud.Endpoint
	render   render
	told     hostnet.Metadata
}

func (d direct) Get(_ context.Context, path string) ([]byte, error) {
	base, err := url.Parse(strings.ReplaceAll(d.endpoint.Bases[0], "%LINK", "%25lo"))
	require.NoError(d.t, err)
	answer := d.ask(base.Path+path, d.endpoint.Header)
	if name := d.endpoint.IdentityName; name != "" {
		assert.Equal(d.t, d.endpoint.IdentityValue, answer.Header.Get(name))
	}
	assert.NotEqual(d.t, Secret, string(answer.Body), "%q was asked for", path)
	switch answer.Status {
	case http.StatusOK:
		return answer.Body, nil
	case http.StatusNotFound:
		return nil, fmt.Errorf("reading metadata %q: %w", path, cloud.ErrAbsent)
	}
	return nil, fmt.Errorf("reading metadata %q: %w: %d", path, cloud.ErrRefused, answer.Status)
}

func (d direct) ask(target string, header map[string]string) Answer {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return d.render(d.told, r)
}

// roundTrip makes sure that the provider reads what the service was to tell, and keeps
// nothing of what else is in the documents that it has to ask for.
func roundTrip(t *testing.T, p cloud.Provider, render render, told hostnet.Metadata) {
	t.Helper()
	got, err := p.Fetch(t.Context(), direct{t, p.Endpoint(), render, told})
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
