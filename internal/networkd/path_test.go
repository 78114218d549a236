package networkd

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLinkPath(t *testing.T) {
	for index, path := range map[int]string{
		1: linkPrefix + "_31", 25: linkPrefix + "_325", 100: linkPrefix + "_3100", 2147483647: linkPrefix + "_32147483647",
	} {
		assert.Equal(t, path, linkPath(index))
		got, ok := linkIndex(path)
		assert.True(t, ok)
		assert.Equal(t, index, got)
	}
	for _, path := range []string{
		"", managerObj, linkPrefix, linkPrefix + "_", linkPrefix + "_3", linkPrefix + "_zz5", linkPrefix + "_30",
		linkPrefix + "_2d5", linkPrefix + "_305", linkPrefix + "_32147483648", linkPrefix + "_315/x", "/org/freedesktop/network2/link/_31",
	} {
		_, ok := linkIndex(path)
		assert.False(t, ok, path)
	}
}

// FuzzLinkIndex checks that an ifindex which is taken from a path is one.
func FuzzLinkIndex(f *testing.F) {
	f.Add(linkPrefix + "_325")
	f.Add(linkPrefix + "_33_32")
	f.Add(linkPrefix + "_+5")
	f.Fuzz(func(t *testing.T, path string) {
		if index, ok := linkIndex(path); ok {
			again, ok := linkIndex(linkPath(index))
			assert.True(t, ok)
			assert.Equal(t, index, again)
			assert.Positive(t, index)
		}
	})
}
