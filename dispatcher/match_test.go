package dispatcher

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestMatchLink(t *testing.T) {
	tests := []struct {
		name, link string
		want       bool
	}{
		{"eth0", "eth0", true},
		{"eth0", "eth01", false}, // by whole name, never by a part
		{"eth", "eth0", false},
		{"wg*", "wg0", true},
		{"wg*", "wg", true},
		{"wg*", "awg0", false},
		{"wg?", "wg0", true},
		{"wg?", "wg10", false},
		{"eth[0-2]", "eth1", true},
		{"eth[0-2]", "eth3", false},
		{"eth[!3]", "eth3", false},
		{"eth[!3]", "eth4", true},
		{"eth[^3]", "eth4", true},
		{`e\[!3]`, "e[!3]", true},
		{"*", "eth0.100", true},
		{"*", ".hid", true}, // a link's name is no file's: a dot hides nothing
		{"*", "", false},    // an event without a link
		{"", "", false},
		// Odd but legal names of links match themselves.
		{"[x]", "[x]", true},
		{"[x]", "x", true},
		{"a[b", "a[b", true},
		{"wg[", "wg0", false},
		{`a\`, `a\`, true},
		{"eth%d@1", "eth%d@1", true},
		{"größe", "größe", true},
		{"gr??e", "größe", true}, // characters, not bytes
		{".hid", ".hid", true},
		{"eth0.old", "eth0.old", true},
		{"eth?.old", "eth0.old", false}, // a leftover of "eth?"
		{".eth*", ".eth0", false},
		{"[\x01-z]", "a", false}, // would be shown as part of a script's path
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.link, func(t *testing.T) {
			assert.Equal(t, tt.want, matchLink(tt.name, tt.link))
		})
	}
}

func TestIsLeftover(t *testing.T) {
	leftovers := []string{
		"", ".hidden", ".10-a.swp", "10-a~", "10-a.bak", "10-a.old", "10-a.orig", "10-a.rej", "10-a.tmp", "10-a.swp",
		"10-a.swo", "#10-a#", "10-a.rpmsave", "10-a.rpmnew", "10-a.rpmorig", "10-a.dpkg-old", "10-a.dpkg-new",
		"10-a.dpkg-dist", "10-a.ucf-dist", "10-a.ucf-old", "10-a.pacnew", "10-a.pacsave", "10-a.apk-new", "10-a,v",
		"10-a.cfsaved", "lost+found",
	}
	for _, name := range leftovers {
		assert.True(t, isLeftover(name), name)
	}
	for _, name := range []string{"10-a", "10-a.sh", "a.b.c", "bak", "old", "10-old", "swp", "#10-a", "tmp.sh", "ünïcode"} {
		assert.False(t, isLeftover(name), name)
	}
}

// FuzzMatchLink asks of all names what holds for all; what a pattern matches is
// for hostnet's FuzzGlob.
func FuzzMatchLink(f *testing.F) {
	for _, seed := range [][2]string{
		{"wg*", "wg0"}, {"eth0", "eth0"}, {"[!a", "b"}, {`\`, `\`}, {"[!", "x"}, {"a*b*c?", "abbbcc"}, {"*~", "x~"},
		{"[]a]", "a"}, {"#*#", "#1#"}, {"größe", "größe"}, {"\xff", "\xff"}, {"0*??", "0碱"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, link string) {
		got := matchLink(name, link)
		if link == "" {
			assert.False(t, got)
			return
		}
		assert.True(t, matchLink(link, link))
		if got && name != link {
			assert.True(t, strings.ContainsAny(name, `*?[\`), "a name without wildcards is one link's")
			assert.False(t, isLeftover(name))
			assert.True(t, isPrintable(name))
		}
	})
}

func TestEveryHookDirectoryIsSought(t *testing.T) {
	for _, dir := range hostnet.Directories() {
		_, err := Finder{}.Find(dir, "eth0")
		assert.NoError(t, err, dir)
	}
}
