package hostnet

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxHostName is HOST_NAME_MAX of Linux, see gethostname(2).
	maxHostName = 64
	// maxDomain and maxLabel are the limits of RFC 1035 section 2.3.4; of the
	// 255 octets there, two are the first length and the root.
	maxDomain = 253
	maxLabel  = 63
)

// ValidHostName reports whether s can be this host's name: a domain name by
// ValidDomain, at most 64 bytes, without the final dot.
func ValidHostName(s string) bool {
	return len(s) <= maxHostName && !strings.HasSuffix(s, ".") && ValidDomain(s)
}

// ValidDomain reports whether s is a host or domain name by RFC 1035 section
// 2.3.1 as RFC 1123 section 2.1 relaxes it: labels of letters, digits and
// inner hyphens, with or without a final dot. An address is not a name, and
// neither is the root; an internationalised name has its ASCII form.
func ValidDomain(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !validLabel(label) {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		switch c := label[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// PrintableText reports whether s is UTF-8 of printable characters and spaces,
// at most maxBytes long: fit to be shown as it is.
func PrintableText(s string, maxBytes int) bool {
	if len(s) > maxBytes || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// MakePrintable returns what PrintableText takes: what is not printable becomes "?",
// and what is too long is cut.
func MakePrintable(s string, maxBytes int) string {
	if PrintableText(s, maxBytes) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return '?'
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), maxBytes)], "")
}

// ShellWord returns a name as it can be pasted into a shell, where it is that name and
// nothing else: the commands that netbrk tells to type are typed by root. One that is
// not printable is written by escapes, for which bash and zsh have $'...'; to another
// shell it is the name of nothing.
func ShellWord(name string) string {
	if !PrintableText(name, len(name)) {
		escaped := strconv.QuoteToASCII(name)
		return "$'" + strings.ReplaceAll(escaped[1:len(escaped)-1], "'", `\x27`) + "'"
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%=", r)
	}
	if name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
