package hostnet

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The texts of an event reach scripts as variables, and who took over the watcher
// can write events: each must be what it is called, of which no word means anything
// to a shell.

// isIDText takes an event's identity: letters and digits in base 36, and "-".
func isIDText(s string) bool { return strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyz-") == "" }

// isAddressText takes an address as ip(8) writes it: "192.0.2.1/24", and of a
// point-to-point link "192.0.2.1 peer 192.0.2.2/32".
func isAddressText(s string) bool {
	if own, peer, ok := strings.Cut(s, " peer "); ok {
		return isAddr(own) && isPrefix(peer)
	}
	return isPrefix(s)
}

// isRouteText takes a route as ip(8) writes it: a type, if it is not unicast, the
// destination, and words with their values; "via inet6" has a gateway of the other
// family.
func isRouteText(s string) bool {
	words := strings.Split(strings.Replace(s, " via inet6 ", " via ", 1), " ")
	if slices.Contains(routeTypeWords(), words[0]) {
		words = words[1:]
	}
	if len(words)%2 == 0 || words[0] != "default" && !isPrefix(words[0]) {
		return false
	}
	for pair := range slices.Chunk(words[1:], 2) {
		switch pair[0] {
		case "via", "src":
			if !isAddr(pair[1]) {
				return false
			}
		case "table", "metric":
			if _, err := strconv.ParseUint(pair[1], 10, 32); err != nil {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// routeTypeWords are ip(8)'s words for the types of routes that a text may begin with.
func routeTypeWords() []string {
	return []string{"blackhole", "unreachable", "local", "prohibit", "throw", "nat"}
}

// isAddr takes no zone, which may be any text.
func isAddr(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Zone() == ""
}

func isPrefix(s string) bool {
	_, err := netip.ParsePrefix(s)
	return err == nil
}
