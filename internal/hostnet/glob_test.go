package hostnet

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGlobMatch(t *testing.T) {
	tests := []struct {
		glob    string
		yes, no []string
	}{
		{"", []string{""}, []string{"a"}},
		{"eth0", []string{"eth0"}, []string{"eth", "eth01", "xeth0", "Eth0", ""}},
		{"eth*", []string{"eth", "eth0", "eth0.5"}, []string{"veth0", "et"}},
		{"*", []string{"", "eth0", ".hid", "größe"}, nil},
		{"a*b*c?", []string{"abcd", "abbbcc", "a*b*c?"}, []string{"abc", "acbd"}},
		{"eth[1-3]", []string{"eth1", "eth3"}, []string{"eth0", "eth"}},
		{"eth[^1]", []string{"eth0"}, []string{"eth1"}},
		{"eth[!1]", []string{"eth0", "eth!", "eth^"}, []string{"eth1"}},
		{"eth[1!]", []string{"eth1", "eth!"}, []string{"eth0"}},
		{`eth\[!1]`, []string{"eth[!1]"}, []string{"eth0"}},
		{`\*`, []string{"*"}, []string{"eth0"}},
		// By characters, not by bytes.
		{"gr??e", []string{"größe"}, []string{"große1"}},
		{"0*??", []string{"0碱碱", "0a碱", "0碱a"}, []string{"0碱", "0ö"}},
		{"*[!ö]", []string{"öä"}, []string{"ö"}},
		{"*[ä-ü]", []string{"xö", "ö"}, []string{"xa", "öa"}},
		{`*[\]ö]*ß`, []string{"]ß", "aöbß"}, []string{"aößb", "aß"}},
		{`*\ö?`, []string{"öx", "öö"}, []string{"ö", "x"}},
		{`ö*\**ß`, []string{"ö*ß", "öx*yß"}, []string{"öß", "ö*"}},
		{"ö*öö*ö", []string{"öööö", "öxööyö"}, []string{"ööö"}},
	}
	for _, tt := range tests {
		t.Run(tt.glob, func(t *testing.T) {
			g, err := ParseGlob(tt.glob)
			require.NoError(t, err)
			for _, name := range tt.yes {
				assert.True(t, g.Match(name), "%q", name)
			}
			for _, name := range tt.no {
				assert.False(t, g.Match(name), "%q", name)
			}
		})
	}
}

func TestParseGlobRefuses(t *testing.T) {
	for _, text := range []string{"eth[", "eth[0", "eth[!]", `eth\`, "[]a]", "*[", "a*[x", "ö*["} {
		_, err := ParseGlob(text)
		assert.Error(t, err, "%q", text)
	}
}

// FuzzGlob compares with the simplest matcher there can be, for patterns
// without brackets and escapes, and asks of all of them what holds for all.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"wg*", "wg0"}, {"[!a", "b"}, {`\`, `\`}, {"a*b*c?", "abbbcc"}, {"[]a]", "a"}, {"größe", "größe"}, {"\xff", "\xff"},
		{"0*??", "0碱"}, {"*[!ö]", "ö"}, {"[a[!b]", "!"}, {"*\xe7*", "碱"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		g, err := ParseGlob(text)
		if err != nil {
			return
		}
		again, err := ParseGlob(g.String())
		require.NoError(t, err)
		assert.Equal(t, g, again)
		got := g.Match(name)
		if strings.Contains(name, "/") || !utf8.ValidString(text) || !utf8.ValidString(name) {
			return
		}
		// What matches does so with stars around it.
		if wider, err := ParseGlob("*" + text + "*"); assert.NoError(t, err) && got {
			assert.True(t, wider.Match("ä"+name+"ö"))
		}
		if strings.ContainsAny(text, `[\`) || len(name) > 40 || strings.Count(text, "*") > 4 { // too slow for naiveMatch
			return
		}
		assert.Equal(t, naiveMatch([]rune(text), []rune(name)), got)
	})
}

func naiveMatch(glob, name []rune) bool {
	switch {
	case len(glob) == 0:
		return len(name) == 0
	case glob[0] == '*':
		return naiveMatch(glob[1:], name) || len(name) > 0 && naiveMatch(glob, name[1:])
	case len(name) == 0:
		return false
	}
	return (glob[0] == '?' || glob[0] == name[0]) && naiveMatch(glob[1:], name[1:])
}
