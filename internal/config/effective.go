package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Effective is a key with the value that counts.
type Effective struct {
	Section, Key string
	// Value is a string, a bool, an int or a []string, as a file can have it.
	Value any
	// Source is where it was set, "/etc/netbrk/netbrk.toml:12", or "default".
	Source string
}

// TOML writes the value as a file can have it: read again, it is the same.
func (e Effective) TOML() string {
	switch v := e.Value.(type) {
	case string:
		return quote(v)
	case []string:
		words := make([]string, len(v))
		for i, word := range v {
			words[i] = quote(word)
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return fmt.Sprint(e.Value)
}

// quote writes a basic string of TOML. JSON escapes all that TOML wants escaped,
// and in the same way, but for DEL.
func quote(s string) string {
	b := new(strings.Builder)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return strconv.Quote(s)
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// Effective lists all keys with the values that count, in the order of the manual
// page.
func (c *Config) Effective() []Effective {
	var all []Effective
	for _, k := range schema() {
		if !k.older {
			all = append(all, Effective{k.section, k.name, plain(k.get(c)), c.Source(k.String())})
		}
	}
	return all
}

// plain turns a value into what a file can have.
func plain(v any) any {
	switch v := v.(type) {
	case slog.Level:
		return levelWord(v)
	case time.Duration:
		return v.String()
	case LinkMatcher:
		return v.String()
	case netip.AddrPort:
		return v.String()
	}
	return v
}

// levelWord is the word of a log level.
func levelWord(level slog.Level) string {
	if level <= levelTrace {
		return "trace"
	}
	return strings.ToLower(level.String())
}
