package cloudtest

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// Check asserts what holds for the metadata of every cloud, whatever the service
// said: it is safe to give to the kernel.
func Check(t testing.TB, m hostnet.Metadata) {
	t.Helper()
	assert.NotEmpty(t, m.NICs)
	seen, primaries := map[string]bool{}, 0
	for _, n := range m.NICs {
		assert.False(t, seen[n.MAC], "%s is listed twice", n.MAC)
		seen[n.MAC] = true
		if n.Primary {
			primaries++
		}
		checkNIC(t, n)
	}
	assert.LessOrEqual(t, primaries, 1)
	for _, missing := range m.Missing {
		assert.NotEmpty(t, missing)
	}
	for _, d := range m.System.Details {
		assert.Equal(t, d.Value, cloud.ParseFact(d.Value))
	}
	checkTexts(t, m)
}

// checkTexts asserts that every text is fit for a terminal, whichever field it is in,
// and that the whole is the same when it was kept and read back.
func checkTexts(t testing.TB, m hostnet.Metadata) {
	t.Helper()
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	var again hostnet.Metadata
	require.NoError(t, json.Unmarshal(raw, &again))
	kept, err := json.Marshal(again)
	require.NoError(t, err)
	assert.Equal(t, string(raw), string(kept))
	var doc any
	require.NoError(t, json.Unmarshal(raw, &doc))
	eachText(doc, func(text string) {
		assert.True(t, hostnet.PrintableText(text, maxText), "%q", text)
	})
}

// maxText is more than a public SSH key has.
const maxText = 16 << 10

func eachText(doc any, use func(string)) {
	switch doc := doc.(type) {
	case string:
		use(doc)
	case []any:
		for _, item := range doc {
			eachText(item, use)
		}
	case map[string]any:
		for name, item := range doc {
			use(name)
			eachText(item, use)
		}
	}
}

func checkNIC(t testing.TB, n hostnet.NIC) {
	t.Helper()
	mac, err := cloud.ParseMAC(n.MAC)
	assert.NoError(t, err)
	assert.Equal(t, mac, n.MAC)
	assert.True(t, len(n.Addresses) > 0 || len(n.Missing) > 0, "%s has no address and is whole", n.MAC)
	seen := map[netip.Addr]bool{}
	for _, a := range n.Addresses {
		addr, err := cloud.ParseAddr(a.Addr.String())
		assert.NoError(t, err)
		assert.Equal(t, addr, a.Addr)
		assert.True(t, a.Bits >= 0 && a.Bits <= a.Addr.BitLen())
		assert.False(t, seen[a.Addr], "%s is listed twice", a.Addr)
		seen[a.Addr] = true
	}
	for _, p := range n.Subnets {
		checkPrefix(t, p)
	}
	for _, r := range n.Ranges {
		checkPrefix(t, r.Prefix)
		assert.Contains(t, []string{"delegated", "alias", "forwarded", "target"}, r.Kind)
	}
	assert.True(t, !n.Gateway4.IsValid() || n.Gateway4.Is4())
	assert.True(t, !n.Gateway6.IsValid() || n.Gateway6.Is6())
	assert.GreaterOrEqual(t, n.MTUBytes, 0)
	assert.LessOrEqual(t, n.MTUBytes, 65535)
	for _, missing := range n.Missing {
		assert.NotEmpty(t, missing)
	}
}

func checkPrefix(t testing.TB, p netip.Prefix) {
	t.Helper()
	assert.True(t, p.IsValid())
	assert.Equal(t, p.Masked(), p)
}
