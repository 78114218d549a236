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

func TestGapsSubnet(t *testing.T) {
	for _, tt := range []struct{ name, addr, mask, want string }{
		{"mask", "10.0.0.5", "255.255.240.0", "10.0.0.5/20"},
		{"length", "10.0.0.5", "24", "10.0.0.5/24"},
		{"IPv6 mask", "2001:db8::5", "ffff:ffff:ffff:ffff::", "2001:db8::5/64"},
		{"IPv6 length", "2001:db8::5", "/64", "2001:db8::5/64"},
		{"too long", "10.0.0.5", "64", ""},
		{"of the other family", "10.0.0.5", "ffff:ffff:ffff:ffff::", ""},
		{"none", "10.0.0.5", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var gaps Gaps
			got := gaps.Subnet("mask", netip.MustParseAddr(tt.addr), tt.mask)
			if tt.want == "" {
				assert.False(t, got.IsValid())
				assert.Equal(t, Gaps{"mask"}, gaps)
				return
			}
			assert.Empty(t, gaps)
			assert.Equal(t, tt.want, got.String())
		})
	}
	var gaps Gaps
	assert.False(t, gaps.Subnet("mask", netip.Addr{}, "255.255.255.0").IsValid())
	assert.Empty(t, gaps, "a mask without an address is no gap of its own")
}

func TestGapsGateway(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		family     func(netip.Addr) bool
		want       string
		gap        bool
	}{
		{"IPv4", "10.0.0.1", netip.Addr.Is4, "10.0.0.1", false},
		{"link local", "fe80::1", netip.Addr.Is6, "fe80::1", false},
		{"empty", "", netip.Addr.Is4, "", false},
		{"unspecified", " 0.0.0.0", netip.Addr.Is4, "", false},
		{"unspecified in full", "0:0:0:0:0:0:0:0", netip.Addr.Is6, "", false},
		{"of the other family", "10.0.0.1", netip.Addr.Is6, "", true},
		{"no address", "router", netip.Addr.Is4, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var gaps Gaps
			got := gaps.Gateway("gateway", tt.text, tt.family)
			assert.Equal(t, tt.want != "", got.IsValid())
			if got.IsValid() {
				assert.Equal(t, tt.want, got.String())
			}
			assert.Equal(t, tt.gap, len(gaps) > 0)
		})
	}
}
