package hostnet

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestValidLinkName(t *testing.T) {
	for name, want := range map[string]bool{
		"eth0": true, "odd@+,~": true, "eth0.5": true, "...": true, "größe": true, "a23456789012345": true,
		"": false, ".": false, "..": false, "a234567890123456": false,
		"a/b": false, "a:b": false, "a b": false, "a\tb": false, "a\u00a0b": false, "a\u2028b": false,
		"a\nb": false, "a\x1b[2J": false, "a\x7f": false,
		"a\u009b2J":  false, // CSI, as ESC [ is
		"a\u202eb":   false, // what follows is shown backwards
		"a\xffb":     false,
		"a\u200bb":   false,
		"a\ufffdb":   false,
		"\U0001f600": true,
	} {
		assert.Equal(t, want, ValidLinkName(name), "%q", name)
	}
}
