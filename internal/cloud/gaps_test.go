package cloud

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGaps(t *testing.T) {
	var gaps Gaps
	assert.Equal(t, netip.MustParseAddr("10.0.0.5"), gaps.Addr4("a", "10.0.0.5"))
	assert.False(t, gaps.Addr4("a", "<null>").IsValid())
	assert.Len(t, gaps.Addrs6("a", []string{"2001:db8::1", "2001:DB8:0::1", ""}), 1)
	assert.Len(t, gaps.Prefixes4("a", []string{"10.0.0.0/28", "10.0.0.1/28", "10.0.1.1"}), 2)
	assert.Equal(t, 1460, gaps.MTU("a", "1460"))
	assert.Zero(t, gaps.MTU("a", ""))
	assert.Empty(t, gaps)

	assert.False(t, gaps.Addr4("four", "2001:db8::1").IsValid())
	assert.False(t, gaps.Addr6("six", "10.0.0.5").IsValid())
	assert.Len(t, gaps.Addrs4("list", []string{"x", "10.0.0.5", "y"}), 1)
	assert.Empty(t, gaps.Prefixes6("range", []string{"10.0.0.0/28"}))
	assert.Zero(t, gaps.MTU("mtu", "12"))
	assert.Empty(t, gaps.MAC("mac", ""))
	assert.Equal(t, Gaps{"four", "six", "list", "range", "mtu", "mac"}, gaps)
}

// TestGapsOfLongLists: what no NIC has is in doubt, and the doubt is short.
func TestGapsOfLongLists(t *testing.T) {
	var texts []string
	for i := range maxListed + 1 {
		texts = append(texts, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String())
	}
	var gaps Gaps
	assert.Len(t, gaps.Addrs4("a", texts[:maxListed]), maxListed)
	assert.Empty(t, gaps)
	gaps.Addrs4("a", texts)
	assert.Equal(t, Gaps{"a"}, gaps)
	for _, text := range texts {
		gaps.Add(text)
	}
	assert.Len(t, gaps, maxGaps)
}
