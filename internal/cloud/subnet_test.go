package cloud

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

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
