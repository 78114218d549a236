package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinkNames(t *testing.T) {
	h := newHost(t)
	names, err := h.conn.LinkNames(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "va", names[h.va])
	assert.Equal(t, "vb", names[h.vb])
	assert.Equal(t, "lo", names[1])
	assert.Len(t, names, 5)

	require.NoError(t, h.Netlink().LinkAddAltName(h.link(t, h.va), "other"))
	for name, want := range map[string]bool{"va": true, "other": false, "none": false, "": false} {
		named, err := h.conn.Named(name)
		require.NoError(t, err)
		assert.Equal(t, want, named, name)
	}
}
