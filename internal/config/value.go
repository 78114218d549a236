package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The parsers of values. Each takes what the TOML decoder made of the value
// and returns it checked. No string of the decoder is kept: its strings are
// slices of the whole file, and one of them would keep all of it in memory.

// show writes a value for an error message, in one line and not at length.
func show(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > 60 {
			return strconv.Quote(v[:60]) + "..."
		}
		return strconv.Quote(v)
	case int64, float64, bool:
		return fmt.Sprint(v)
	case time.Time:
		return "a date"
	case []any:
		return "an array"
	}
	return "a table"
}

// isEmpty reports whether v is an empty string, or an array of nothing else, which
// sets a key back to its default, as an empty assignment does in systemd's files.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { s, ok := item.(string); return !ok || !isEmpty(s) })
	}
	return false
}

// parseBool takes the words of systemd.syntax(7), and 0 and 1, which the older
// tools took as well.
func parseBool(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "yes", "on", "1":
			return true, nil
		case "false", "no", "off", "0":
			return false, nil
		}
	}
	return false, fmt.Errorf("%s is not a boolean: use true or false", show(v))
}

func parseInt(least, most int) func(any) (int, error) {
	return func(v any) (int, error) {
		n, ok := v.(int64)
		if s, isString := v.(string); isString {
			var err error
			if n, err = strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
				ok = true // beyond 64 bits it is clamped, and out of every range here
			}
		}
		if !ok {
			return 0, fmt.Errorf("%s is not a number", show(v))
		}
		if n < int64(least) || n > int64(most) {
			return 0, fmt.Errorf("%s is not from %d to %d", show(v), least, most)
		}
		return int(n), nil
	}
}

func parseWord(words ...string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, _ := v.(string)
		for _, w := range words {
			if strings.EqualFold(strings.TrimSpace(s), w) {
				return w, nil
			}
		}
		return "", fmt.Errorf("%s is not one of %s%s", show(v), strings.Join(words, ", "), didYouMean(nearest(s, words)))
	}
}

func parseLevel(v any) (slog.Level, error) {
	word, err := parseWord("trace", "debug", "info", "warning", "warn", "error", "fatal", "panic")(v)
	if err != nil {
		return 0, err
	}
	switch word {
	case "trace":
		return levelTrace, nil
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warning", "warn":
		return slog.LevelWarn, nil
	}
	return slog.LevelError, nil
}

// parseWords takes a list as a string of words or as an array of strings.
func parseWords(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return strings.Fields(v), nil
	case []any:
		var words []string
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%s in the array is not a string", show(item))
			}
			words = append(words, strings.Fields(s)...)
		}
		return words, nil
	}
	return nil, fmt.Errorf("%s is not a list: use a string of words or an array of strings", show(v))
}

func parseGenerators(v any) ([]string, error) {
	words, err := parseWords(v)
	if err != nil {
		return nil, err
	}
	var generators []string
	for _, w := range words {
		if strings.EqualFold(w, "systemd-networks") {
			// So misspelt in the example of network-broker's README (2021), which
			// people have copied.
			w = GeneratorNetworkd
		}
		g, err := parseWord(GeneratorNetworkd, GeneratorDHClient, GeneratorKernel)(w)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(generators, g) {
			generators = append(generators, g)
		}
	}
	return generators, nil
}

func parseLinks(v any) (LinkMatcher, error) {
	words, err := parseWords(v)
	if err != nil {
		return LinkMatcher{}, err
	}
	return ParseLinkMatcher(words...) // its patterns are copies, see hostnet.ParseGlob
}

// parseDirs takes paths as a string of words, or as an array where a path may
// have blanks in it.
func parseDirs(v any) ([]string, error) {
	items, ok := v.([]any)
	if !ok {
		words, err := parseWords(v)
		if err != nil {
			return nil, err
		}
		for _, w := range words {
			items = append(items, w)
		}
	}
	var dirs []string
	for _, item := range items {
		s, ok := item.(string)
		if !ok || !filepath.IsAbs(s) || strings.ContainsRune(s, 0) {
			return nil, fmt.Errorf("%s is not an absolute path", show(item))
		}
		if s = strings.Clone(filepath.Clean(s)); !slices.Contains(dirs, s) {
			dirs = append(dirs, s)
		}
	}
	return dirs, nil
}

// parsePatterns takes paths as parseDirs does, with the wildcards of filepath.Match.
// A control character in one could pass for the end of a line of a unit.
func parsePatterns(v any) ([]string, error) {
	patterns, err := parseDirs(v)
	if err != nil {
		return nil, err
	}
	for _, p := range patterns {
		if _, err := filepath.Match(p, ""); err != nil || strings.ContainsFunc(p, unicode.IsControl) {
			return nil, fmt.Errorf("%s is not a pattern of paths, such as /var/lib/dhcp/*.leases", show(p))
		}
	}
	return patterns, nil
}

func parseListen(v any) (netip.AddrPort, error) {
	s, _ := v.(string)
	ap, err := netip.ParseAddrPort(strings.TrimSpace(s))
	if err != nil || ap.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("%s is not an address with a port, such as 127.0.0.1:5209 or [::1]:5209", show(v))
	}
	return ap, nil
}

func parseAddr(v any) (netip.Addr, error) {
	s, _ := v.(string)
	addr, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(s), "[]"))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%s is not an address, such as 127.0.0.1 or ::1", show(v))
	}
	return addr, nil
}

// parseDuration takes a number of seconds, Go's notation (1h30m) and that of
// systemd.time(7) (5min, 1h 30min).
func parseDuration(least time.Duration) func(any) (time.Duration, error) {
	return func(v any) (time.Duration, error) {
		var d time.Duration
		ok := false
		switch v := v.(type) {
		case int64:
			d, ok = seconds(float64(v))
		case string:
			d, ok = duration(strings.TrimSpace(v))
		}
		if !ok {
			return 0, fmt.Errorf("%s is not a duration, such as 300s or 5min", show(v))
		}
		if d < least {
			return 0, fmt.Errorf("%s is less than %s", show(v), least)
		}
		return d, nil
	}
}

func duration(s string) (time.Duration, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return d, true
	}
	var total float64
	rest := s
	for rest != "" {
		unit := strings.TrimLeft(rest, "0123456789.")
		n, err := strconv.ParseFloat(rest[:len(rest)-len(unit)], 64)
		if err != nil {
			return 0, false
		}
		unit = strings.TrimLeft(unit, " ")
		rest = strings.TrimLeft(unit, "abcdefghijklmnopqrstuvwxyz")
		length, ok := unitSeconds(unit[:len(unit)-len(rest)])
		if !ok {
			return 0, false
		}
		total += n * length
		rest = strings.TrimLeft(rest, " ")
	}
	if s == "" {
		return 0, false
	}
	return seconds(total)
}

// unitSeconds knows the units of systemd.time(7) up to the week: longer ones
// have no use here, and "M" next to "m" is a trap.
func unitSeconds(unit string) (float64, bool) {
	switch unit {
	case "us", "usec":
		return 1e-6, true
	case "ms", "msec":
		return 1e-3, true
	case "", "s", "sec", "second", "seconds":
		return 1, true
	case "m", "min", "minute", "minutes":
		return 60, true
	case "h", "hr", "hour", "hours":
		return 3600, true
	case "d", "day", "days":
		return 24 * 3600, true
	case "w", "week", "weeks":
		return 7 * 24 * 3600, true
	}
	return 0, false
}

func seconds(s float64) (time.Duration, bool) {
	ns := s * float64(time.Second)
	if math.Abs(ns) >= math.MaxInt64 {
		return 0, false
	}
	return time.Duration(math.Round(ns)), true
}

// ParseLogLevel reads a word for System.LogLevel that was given elsewhere.
func ParseLogLevel(word string) (slog.Level, error) { return parseLevel(word) }
