package cloud

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// The readers of values. Clouds spell one thing in many ways, and what they are
// asked for ends up in the kernel, in files and on terminals: each reader takes
// every spelling that was seen, and nothing that is not what it should be.

// ParseMAC reads a MAC in any case, with colons, dashes, dots or nothing between
// its digits, and returns it in lower case with colons. All zeros, broadcast and
// multicast are no MAC of a NIC.
func ParseMAC(text string) (string, error) {
	raw, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.TrimSpace(text)))
	if err != nil || len(raw) != 6 || raw[0]&1 != 0 || string(raw) == "\x00\x00\x00\x00\x00\x00" {
		return "", fmt.Errorf("%.60q is not the MAC of a NIC", text)
	}
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", raw[0], raw[1], raw[2], raw[3], raw[4], raw[5]), nil
}

// ParseAddr reads a unicast address, in brackets or not. A zone, an IPv4 address
// in an IPv6 one, loopback and the unspecified address are refused.
func ParseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(text), "[]"))
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if err != nil || addr.Zone() != "" || addr.Is4In6() || addr == broadcast ||
		addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() {
		return netip.Addr{}, fmt.Errorf("%.60q is not an address of a host", text)
	}
	return addr, nil
}

// ParsePrefix reads a prefix, or an address, which is one of full length. What is
// right of the length is masked. One shorter than /8 (IPv4) or /16 (IPv6) is
// refused: no cloud hands it out, and as a local route it would swallow half the
// Internet.
func ParsePrefix(text string) (netip.Prefix, error) {
	head, tail, found := strings.Cut(strings.TrimSpace(text), "/")
	addr, err := ParseAddr(head)
	if err != nil {
		return netip.Prefix{}, err
	}
	length := addr.BitLen()
	if found {
		length, err = ParseBits(tail)
	}
	prefix, wrong := addr.Prefix(length)
	if err != nil || wrong != nil || length < 8 || length < 16 && addr.Is6() {
		return netip.Prefix{}, fmt.Errorf("%.60q is not a prefix", text)
	}
	return prefix, nil
}

// ParseBits reads the length of a prefix, from "24", "/24", "255.255.255.0" or
// "ffff:ffff:ffff:ffff::".
func ParseBits(text string) (int, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "/")
	if mask, err := netip.ParseAddr(text); err == nil {
		if n, ok := maskBits(mask.AsSlice()); ok && n > 0 {
			return n, nil
		}
	} else if n, err := strconv.ParseUint(text, 10, 8); err == nil && n > 0 && n <= 128 {
		return int(n), nil
	}
	return 0, fmt.Errorf("%.60q is not the length of a prefix", text)
}

// maskBits counts the ones of a mask, which are all at its beginning.
func maskBits(mask []byte) (int, bool) {
	ones, ended := 0, false
	for _, b := range mask {
		n := bits.LeadingZeros8(^b)
		if ended && b != 0 || b<<n != 0 {
			return 0, false
		}
		ones, ended = ones+n, ended || n < 8
	}
	return ones, true
}

// ParseList reads a list as JSON array, in brackets without quotes, or with
// commas, blanks or lines between. Nothing and "<null>" are empty.
func ParseList(text string) []string {
	split := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,[]"`, r) }
	return slices.DeleteFunc(strings.FieldsFunc(text, split), func(item string) bool { return blank(item) == "" })
}

// ParseLines reads a list with an item a line: those that are not blank, each once.
func ParseLines(text string) []string {
	var items []string
	seen := map[string]bool{} // a search in items would take a minute for a list of 1 MiB
	for line := range strings.Lines(text) {
		if line = blank(line); line != "" && !seen[line] {
			seen[line] = true
			items = append(items, line)
		}
	}
	return items
}

// maxFactText bounds a text for people, in bytes.
const maxFactText = 256

// ParseFact reads a text for people: one printable line of at most maxFactText, and
// no JSON; anything else is "". A terminal shows it, and a file keeps it.
func ParseFact(text string) string {
	text = blank(text)
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || !hostnet.PrintableText(text, maxFactText) {
		return ""
	}
	return text
}

// A public SSH key of RSA with 16,384 bits, the longest that OpenSSH makes, has
// 2,760 bytes without its comment.
const (
	maxKeys     = 1024
	maxKeyBytes = 8 << 10
)

// ParseKeys reads public SSH keys, a line each, without the comments and what is
// not printable. They are shown, and nothing depends on them: what is beyond the
// bounds is left out.
func ParseKeys(text string) []string {
	keys := slices.DeleteFunc(ParseLines(text), func(line string) bool {
		return line[0] == '#' || !hostnet.PrintableText(line, maxKeyBytes)
	})
	return keys[:min(len(keys), maxKeys)]
}

// blank trims text. Oracle writes "<null>" for what is not there.
func blank(text string) string {
	text = strings.TrimSpace(text)
	if text == "<null>" || text == "null" {
		return ""
	}
	return text
}

// Text is a JSON value that should be a text: clouds write numbers and booleans
// as strings or not. Null and "<null>" are empty; an object or array is its own
// JSON, which is no value of any kind.
type Text string

// UnmarshalJSON takes any value.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	*t = Text(blank(text))
	return nil
}

// Texts is a JSON array of texts; a single text is an array of one, and empty
// ones are left out.
type Texts []string

// UnmarshalJSON takes any value.
func (t *Texts) UnmarshalJSON(raw []byte) error {
	var items []Text
	if json.Unmarshal(raw, &items) != nil {
		items = make([]Text, 1)
		_ = items[0].UnmarshalJSON(raw)
	}
	*t = nil
	for _, item := range items {
		if item != "" {
			*t = append(*t, string(item))
		}
	}
	return nil
}

// DecodeWhole reads a JSON document and refuses one with a value of another kind than
// expected. The error wraps ErrRefused.
func DecodeWhole(raw []byte, into any) error {
	odd, err := Decode(raw, into)
	if err == nil && odd != "" {
		err = fmt.Errorf("%q is of another kind: %w", odd, ErrRefused)
	}
	return err
}

// Decode reads a JSON document as far as it goes. A value of another kind than
// expected is left as it is and its path returned in odd. The error wraps
// ErrRefused: the document is none.
func Decode(raw []byte, into any) (odd string, err error) {
	err = json.Unmarshal(raw, into)
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
		return cmp.Or(kind.Field, "document"), nil
	}
	if err != nil {
		return "", fmt.Errorf("decoding JSON: %w: %w", ErrRefused, err)
	}
	return "", nil
}
