package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinkMatcherMatch(t *testing.T) {
	tests := []struct {
		name string
		list string
		yes  []string
		no   []string
	}{
		{"no list", "", nil, []string{"eth0", "lo", ""}},
		{"whole names", "eth1 wlan0", []string{"eth1", "wlan0"}, []string{"eth10", "eth", "th1", "wlan", "eth1 wlan0", "", "Eth1"}},
		{"star", "eth*", []string{"eth", "eth0", "eth10", "eth0.5"}, []string{"veth0", "et"}},
		{"question mark", "eth?", []string{"eth0"}, []string{"eth", "eth10"}},
		{"bracket", "en[op]*", []string{"eno1", "enp3s0"}, []string{"ens3", "en[op]1"}},
		{"range", "eth[1-3]", []string{"eth1", "eth3"}, []string{"eth0", "eth4"}},
		{"negated as in path.Match", "eth[^1]", []string{"eth0"}, []string{"eth1"}},
		{"negated as in the shell", "eth[!1]", []string{"eth0", "eth!"}, []string{"eth1"}},
		{"exclamation mark within a bracket", "eth[1!]", []string{"eth1", "eth!"}, []string{"eth0"}},
		{"escaped bracket", `eth\[!1]`, []string{"eth[!1]"}, []string{"eth0", "eth!"}},
		{"escaped star", `\*`, []string{"*"}, []string{"eth0"}},
		{"exclusion wins", "eth* !eth3", []string{"eth0", "eth30"}, []string{"eth3", "wlan0"}},
		{"exclusion wins from the front", "!eth3 eth*", []string{"eth0"}, []string{"eth3", "wlan0"}},
		{"exclusion of a glob", "!veth* !lo", []string{"eth0", "wlan0", "l"}, []string{"veth0", "veth", "lo"}},
		{"everything", "*", []string{"eth0", "lo"}, nil},
		{"nothing", "!*", nil, []string{"eth0", "lo"}},
		{"name of odd letters", "wg-häuser", []string{"wg-häuser"}, []string{"wg-hauser"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ParseLinkMatcher(strings.Fields(tt.list)...)
			require.NoError(t, err)
			again, err := ParseLinkMatcher(strings.Fields(m.String())...)
			require.NoError(t, err)
			assert.Equal(t, m, again, "the text makes the same matcher")
			for _, name := range tt.yes {
				assert.True(t, m.Match(name), "%q selects %q", tt.list, name)
			}
			for _, name := range tt.no {
				assert.False(t, m.Match(name), "%q leaves %q out", tt.list, name)
			}
			assert.Equal(t, tt.list == "", m.IsZero())
		})
	}
}

func TestParseLinkMatcherRefuses(t *testing.T) {
	tests := map[string]string{
		"eth[":   `"eth[" is not a valid pattern: a [ without its ], or a \ at the end`,
		"eth[0":  `"eth[0" is not a valid pattern: a [ without its ], or a \ at the end`,
		"!eth[":  `"!eth[" is not a valid pattern: a [ without its ], or a \ at the end`,
		"eth[!]": `"eth[!]" is not a valid pattern: a [ without its ], or a \ at the end`,
		`eth\`:   `"eth\\" is not a valid pattern: a [ without its ], or a \ at the end`,
		"!":      `"!" names no link`,
		"":       `"" names no link`,
	}
	for word, want := range tests {
		_, err := ParseLinkMatcher("eth0", word)
		assert.EqualError(t, err, want)
	}
}

func TestLinkMatcherString(t *testing.T) {
	m, err := ParseLinkMatcher("eth*", "!eth3")
	require.NoError(t, err)
	assert.Equal(t, "eth* !eth3", m.String())
	assert.Empty(t, LinkMatcher{}.String())
}

// FuzzLinkMatcher: a list that is taken reads back as the same matcher, and an
// exclusion always wins.
func FuzzLinkMatcher(f *testing.F) {
	f.Add("eth*", "eth0")
	f.Add("!eth3", "eth3")
	f.Add("en[!op]*", "ens3")
	f.Add("[a", "a")
	f.Add(`a\`, "a")
	f.Add("[]!]", "]")
	f.Add("!!x", "!x")
	f.Fuzz(func(t *testing.T, word, link string) {
		m, err := ParseLinkMatcher(word)
		if err != nil {
			return
		}
		again, err := ParseLinkMatcher(m.patterns[0].word())
		require.NoError(t, err)
		assert.Equal(t, m, again)
		assert.Equal(t, m.Match(link), again.Match(link))
		without, err := ParseLinkMatcher(word, "!*")
		require.NoError(t, err)
		assert.False(t, !strings.Contains(link, "/") && without.Match(link))
	})
}

func (p linkPattern) word() string { return LinkMatcher{[]linkPattern{p}}.String() }
