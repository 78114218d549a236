package networkd

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// maxValueBytes bounds one value; a lease of several hundred classless
	// routes stays below it.
	maxValueBytes = 16 << 10
	maxKeyBytes   = 64
	// maxWordBytes bounds a text that nothing more is known of.
	maxWordBytes = 1024
	// maxRejected bounds the list of what was rejected: it is for the log.
	maxRejected = 16
)

// rejects collects what was not taken from a file, in words fit for the log.
type rejects struct {
	list []string
	more int
}

func (r *rejects) add(key, value, why string) {
	if len(r.list) == maxRejected {
		r.more++
		return
	}
	if !validKey(key) {
		key = fmt.Sprintf("%.40q", key)
	}
	r.list = append(r.list, fmt.Sprintf("%s: %.40q %s", key, value, why))
}

// lines returns the list, with a last line for those it has no place for.
func (r *rejects) lines() []string {
	if r.more == 0 {
		return r.list
	}
	return append(r.list, fmt.Sprintf("and %d more", r.more))
}

// rule says what a value claims to be: one word that is so, or a list of them.
type rule struct {
	what string
	is   func(string) bool
	list bool
}

// apply returns what of value is as claimed. Of a list the words that are not
// are left out; the rest is as good as before.
func (r rule) apply(key, value string, rejected *rejects) (kept string, ok bool) {
	if len(value) > maxValueBytes {
		rejected.add(key, value, fmt.Sprintf("is longer than %d bytes", maxValueBytes))
		return "", false
	}
	if value == "" {
		return "", true
	}
	words := []string{value}
	if r.list {
		words = strings.Split(value, " ")
	}
	var good []string
	for _, w := range words {
		switch {
		case r.is(w):
			good = append(good, w)
		case w != "":
			rejected.add(key, w, "is not "+r.what)
		}
	}
	return strings.Join(good, " "), good != nil
}

func validKey(key string) bool {
	if key == "" || len(key) > maxKeyBytes || key[0] < 'A' || key[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(key, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func isAddrOrDomain(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == "" || hostnet.ValidDomain(s)
}

// isDNSServer takes what systemd writes for a name server: an address, with
// port, link and server name where they are set, as "[2001:db8::1]:853%eth0#dns.example"
// (in_addr_port_ifindex_name_to_string() in basic/in-addr-util.c).
func isDNSServer(s string) bool {
	s, name, named := strings.Cut(s, "#")
	if named && !hostnet.ValidDomain(name) {
		return false
	}
	s, link, scoped := strings.Cut(s, "%")
	if scoped && !isPlainWord(link) {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(s)
	return err == nil
}

// isLeaseRoute takes "198.51.100.0/24,192.0.2.1", see serialize_dhcp_routes()
// in libsystemd-network/network-internal.c.
func isLeaseRoute(s string) bool {
	destination, gateway, found := strings.Cut(s, ",")
	p, err := netip.ParsePrefix(destination)
	return found && err == nil && p.Addr().Is4() && isIPv4(gateway)
}

func isOperationalState(s string) bool { return hostnet.IsState(hostnet.OperationalState, s) }

func isUint16(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// isTimeSpan takes seconds, as systemd 252 writes them, and the words of
// systemd.time(7), as 257 does: "8min 45s".
func isTimeSpan(s string) bool {
	if s == "infinity" {
		return true
	}
	for word := range strings.SplitSeq(s, " ") {
		unit := strings.TrimLeft(word, "0123456789")
		if digits := len(word) - len(unit); digits == 0 || digits > 20 {
			return false
		}
		switch unit {
		case "", "us", "ms", "s", "min", "h", "d", "w", "month", "y":
		default:
			return false
		}
	}
	return true
}

// isPlainWord takes a word that means itself to any shell, quoted or not: no
// white space, quote, glob or other character that a shell gives a meaning, and
// no hyphen in front, which would make it an option of some command.
func isPlainWord(s string) bool {
	if s == "" || len(s) > maxWordBytes || s[0] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune("._-:/,@%+=", r)
	})
}

// isPath takes an absolute path fit to be printed.
func isPath(s string) bool {
	return strings.HasPrefix(s, "/") && hostnet.PrintableText(s, maxWordBytes)
}
