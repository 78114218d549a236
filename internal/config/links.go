package config

import (
	"fmt"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// LinkMatcher selects links by name: by the whole name or a shell glob, never
// by a part of it. The zero value selects none.
type LinkMatcher struct {
	patterns []linkPattern
}

// linkPattern is one word of the list.
type linkPattern struct {
	glob    hostnet.Glob
	exclude bool
}

// ParseLinkMatcher makes a matcher of words such as "eth0", "wg*", "en[op]*"
// and "!eth3"; the last one excludes.
func ParseLinkMatcher(words ...string) (LinkMatcher, error) {
	var m LinkMatcher
	for _, word := range words {
		text, exclude := strings.CutPrefix(word, "!")
		if text == "" {
			return LinkMatcher{}, fmt.Errorf("%q names no link", word)
		}
		glob, err := hostnet.ParseGlob(text)
		if err != nil {
			return LinkMatcher{}, fmt.Errorf("%q is not a valid pattern: a [ without its ], or a \\ at the end", word)
		}
		m.patterns = append(m.patterns, linkPattern{glob: glob, exclude: exclude})
	}
	return m, nil
}

// Match reports whether the link called name is selected: a pattern without
// "!" matches it, or there is none, and no pattern with "!" does. Of a list of
// exclusions alone, that is every other link.
func (m LinkMatcher) Match(name string) bool {
	selected := len(m.patterns) > 0
	for _, p := range m.patterns {
		if !p.exclude {
			selected = false
			break
		}
	}
	for _, p := range m.patterns {
		if !p.glob.Match(name) {
			continue
		}
		if p.exclude {
			return false
		}
		selected = true
	}
	return selected
}

// IsZero reports whether m has no pattern at all.
func (m LinkMatcher) IsZero() bool { return len(m.patterns) == 0 }

// String returns the patterns, separated by blanks; parsed again they make
// the same matcher.
func (m LinkMatcher) String() string {
	words := make([]string, len(m.patterns))
	for i, p := range m.patterns {
		if p.exclude {
			words[i] = "!"
		}
		words[i] += p.glob.String()
	}
	return strings.Join(words, " ")
}
