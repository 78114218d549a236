package subcmd

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// joinAddrs lists addresses as variables for scripts have them.
func joinAddrs(addrs []netip.Addr) string { return strings.Join(addrWords(addrs), " ") }

func addrWords(addrs []netip.Addr) []string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return words
}

// wordList lists words for people.
func wordList(words []string) string { return strings.Join(words, ", ") }

// lastLine is the end of a script's output, for one line of a log.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	return lines[len(lines)-1]
}

// plural counts things whose name takes an s.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }

func sortedKeys[K int | string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
