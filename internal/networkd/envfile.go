package networkd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxFileBytes bounds a file of networkd. A lease with all its options is some
// kilobytes; a link's file grows with its name servers.
const maxFileBytes = 64 << 10

// assignment is one KEY=VALUE of an environment file.
type assignment struct{ key, value string }

// readFile reads a file of networkd's whole. The directory belongs to another
// user, so a link, a pipe or an endless file in it must lead nowhere.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err // names the path
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %q: not a regular file", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	if len(raw) > maxFileBytes {
		return nil, fmt.Errorf("reading %q: larger than %d bytes", path, maxFileBytes)
	}
	return raw, nil
}

const (
	newlines    = "\n\r"
	blanks      = " \t\n\r"
	shellEscape = "\"\\`$" // what a backslash quotes between double quotes
)

// parseEnvFile reads an environment file as systemd's own
// parse_env_file_internal() in basic/env-file.c does, which is near to a
// shell: a line that starts with # or ; is a comment, a value may be quoted in
// parts, and a quoted newline belongs to it. What is not an assignment is
// skipped, as there; nothing about keys and values is checked.
func parseEnvFile(raw []byte) []assignment {
	s := envScanner{text: string(raw)}
	var all []assignment
	for s.skip(blanks); s.more(); s.skip(blanks) {
		if strings.IndexByte("#;", s.text[0]) >= 0 {
			s.until(newlines)
			continue
		}
		key := s.until(newlines + "=")
		if !s.more() || s.text[0] != '=' {
			continue // a line without an assignment
		}
		s.text = s.text[1:]
		all = append(all, assignment{strings.TrimRight(key, blanks), s.value()})
	}
	return all
}

// envScanner eats text from its front.
type envScanner struct{ text string }

func (s *envScanner) more() bool { return s.text != "" }

func (s *envScanner) skip(set string) { s.text = strings.TrimLeft(s.text, set) }

// until eats and returns all before the first byte of set.
func (s *envScanner) until(set string) string {
	n := strings.IndexAny(s.text, set)
	if n < 0 {
		n = len(s.text)
	}
	eaten := s.text[:n]
	s.text = s.text[n:]
	return eaten
}

// value eats a value up to the end of its line. Quotes open only where a value
// or its next part starts: in a word they stand for themselves.
func (s *envScanner) value() string {
	var v strings.Builder
	for s.skip(" \t"); s.more() && !strings.Contains(newlines, s.text[:1]); s.skip(" \t") {
		switch s.text[0] {
		case '\'':
			s.text = s.text[1:]
			v.WriteString(s.until("'"))
			s.text = strings.TrimPrefix(s.text, "'")
		case '"':
			s.text = s.text[1:]
			s.doubleQuoted(&v)
		default:
			s.word(&v)
			return v.String()
		}
	}
	return v.String()
}

func (s *envScanner) doubleQuoted(v *strings.Builder) {
	for s.more() {
		c := s.text[0]
		s.text = s.text[1:]
		switch {
		case c == '"':
			return
		case c == '\\' && s.more():
			if strings.IndexByte(shellEscape+"\n", s.text[0]) < 0 {
				v.WriteByte(c)
			}
			if s.text[0] != '\n' { // a line goes on after a backslash
				v.WriteByte(s.text[0])
			}
			s.text = s.text[1:]
		case c != '\\':
			v.WriteByte(c)
		}
	}
}

// word eats the unquoted rest of a line, without the blanks at its end.
func (s *envScanner) word(v *strings.Builder) {
	rest := s.text
	var word []byte
	keep := 0 // length of word up to its last byte that is no bare blank
	for len(rest) > 0 && strings.IndexByte(newlines, rest[0]) < 0 {
		c := rest[0]
		rest = rest[1:]
		switch {
		case c != '\\':
			word = append(word, c)
		case rest == "":
		default:
			if strings.IndexByte(newlines, rest[0]) < 0 {
				word = append(word, rest[0])
			}
			rest = rest[1:]
		}
		if c != ' ' && c != '\t' {
			keep = len(word)
		}
	}
	s.text = rest
	v.Write(word[:keep])
}
