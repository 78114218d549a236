package dhclient

import (
	"bytes"
	"fmt"
	"io"
)

const (
	// maxBlock bounds a block in bytes. All options of a DHCP message, escaped, are
	// less than a quarter of it.
	maxBlock = 1 << 20
	// maxKept bounds the links, and named leases of links, that a file can tell of.
	maxKept = 4096
	// maxStray bounds how many times one file is complained about.
	maxStray = 10
)

// block is the text of a lease between its braces.
type block struct {
	ipv6 bool
	seq  int // the higher, the later in the file
	text []byte
}

// scanner finds the last block of each link in a file. Of the files of a host that
// runs for years only that one counts, so what is in a block is looked at after the
// scan: while it goes on, a byte costs a look into a table.
type scanner struct {
	kept     map[string]*block
	problems []string
	seq      int

	line  int
	depth int
	// head is the statement at the top level up to here, its brace excluded.
	head []byte
	// text is the block up to here; broken is set for one that is dropped.
	text   []byte
	broken bool
	opened int // line
	kind   blockKind
	// keys are the statements of this block that say whose it is.
	keys      []byte
	statement int // where the present one begins in text

	inString, escaped, inComment bool
}

type blockKind uint8

const (
	otherBlock blockKind = iota
	lease4Block
	lease6Block
)

// special marks the bytes that mean something to the scanner outside strings.
var special = [256]bool{'{': true, '}': true, ';': true, '"': true, '#': true, '\n': true}

// scan reads a file to its end. A block that is not closed there is dropped: dhclient
// is about to write the rest.
func scan(r io.Reader) (*scanner, error) {
	s := &scanner{kept: map[string]*block{}, line: 1}
	chunk := make([]byte, 64<<10)
	for {
		n, err := r.Read(chunk)
		s.take(chunk[:n])
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// take looks at the next part of the file. What is between two special bytes is
// copied as a whole.
func (s *scanner) take(p []byte) {
	for len(p) > 0 {
		switch {
		case s.escaped:
			s.escaped = false
			if p[0] == '\n' {
				s.line++
			}
			s.keep(p[:1])
			p = p[1:]
		case s.inString:
			n := bytes.IndexAny(p, "\"\\")
			if n < 0 {
				s.line += bytes.Count(p, newline)
				s.keep(p)
				return
			}
			s.line += bytes.Count(p[:n], newline)
			s.escaped, s.inString = p[n] == '\\', p[n] != '"'
			s.keep(p[:n+1])
			p = p[n+1:]
		case s.inComment:
			n := bytes.IndexByte(p, '\n')
			if n < 0 {
				return
			}
			s.inComment = false
			p = p[n:]
		default:
			n := 0
			for n < len(p) && !special[p[n]] {
				n++
			}
			s.keep(p[:n])
			if n == len(p) {
				return
			}
			s.mark(p[n])
			p = p[n+1:]
		}
	}
}

var newline = []byte{'\n'}

const blanks = " \t\r\n"

// keep adds to the block, or to what comes before one.
func (s *scanner) keep(p []byte) {
	switch {
	case s.depth == 0:
		if len(s.head) == 0 {
			p = bytes.TrimLeft(p, blanks)
		}
		if len(s.head) < 256 { // more than any statement there that matters
			s.head = append(s.head, p...)
		}
	case s.kind == otherBlock || s.broken:
	case len(s.text)+len(p) > maxBlock:
		s.broken = true
		s.complain(s.opened, "block of more than %d bytes left out", maxBlock)
	default:
		s.text = append(s.text, p...)
	}
}

// mark takes in a byte that means something.
func (s *scanner) mark(c byte) {
	switch c {
	case '\n':
		s.keep(newline)
		s.line++
		return
	case '#':
		s.inComment = true
		s.keep([]byte{' '}) // a comment parts words
		return
	case '"':
		s.inString = true
		s.keep([]byte{c})
		return
	case '{':
		if s.depth > 0 && s.restart() {
			return
		}
		if s.depth++; s.depth == 1 {
			s.open()
			return
		}
	case '}':
		if s.depth == 0 {
			s.complain(s.line, "stray }")
			s.head = s.head[:0]
			return
		}
		if s.depth--; s.depth == 0 {
			s.close()
			return
		}
	case ';':
		if s.depth == 0 {
			s.head = s.head[:0] // default-duid and the like
			return
		}
	}
	s.keep([]byte{c})
	if s.depth == 1 && s.kind != otherBlock && !s.broken {
		s.noteKey()
	}
}

// restart drops a block that was never closed, as a full disk leaves one, where the
// next begins: nothing in a lease is followed by a brace under that name. Not so in a
// string, which comes from the server, even where that is what was never closed.
func (s *scanner) restart() bool {
	if s.kind == otherBlock || s.broken {
		return false
	}
	text := bytes.TrimRight(s.text, blanks)
	at := bytes.LastIndexAny(text, blanks+";{}\"") + 1
	word := text[at:]
	if at == 0 || string(word) != "lease" && string(word) != "lease6" {
		return false
	}
	s.complain(s.opened, "block that is not closed left out")
	s.depth = 1
	s.head = append(s.head[:0], word...)
	s.open()
	return true
}

func (s *scanner) open() {
	s.kind = otherBlock
	switch string(bytes.TrimSpace(s.head)) {
	case "lease":
		s.kind = lease4Block
	case "lease6":
		s.kind = lease6Block
	}
	s.head, s.text, s.keys = s.head[:0], s.text[:0], s.keys[:0]
	s.opened, s.statement, s.broken = s.line, 0, false
}

// noteKey looks at a statement of the block that has just ended.
func (s *scanner) noteKey() {
	statement := bytes.TrimLeft(s.text[s.statement:], blanks)
	s.statement = len(s.text)
	// "interface" and "name", and few others.
	if len(statement) > 0 && (statement[0] == 'i' || statement[0] == 'n') {
		if p := bytes.IndexAny(statement, blanks+"\""); p > 0 && (string(statement[:p]) == "interface" || string(statement[:p]) == "name") {
			s.keys = append(s.keys, statement...)
		}
	}
}

// close keeps the block, instead of the one that its link had so far.
func (s *scanner) close() {
	if s.kind == otherBlock || s.broken || len(s.keys) == 0 {
		return // without an interface it is of no link, as dhclient has it
	}
	s.keys = append(s.keys, byte(s.kind))
	b := s.kept[string(s.keys)]
	if b == nil {
		if len(s.kept) == maxKept {
			s.complain(s.opened, "more than %d links, this one left out", maxKept)
			return
		}
		b = &block{ipv6: s.kind == lease6Block}
		s.kept[string(s.keys)] = b
	}
	s.seq++
	b.seq = s.seq
	b.text = append(b.text[:0], s.text...)
}

// complain tells of a place, and of nothing that stands there: whose file it is,
// and who reads the log, are two questions.
func (s *scanner) complain(line int, format string, args ...any) {
	if len(s.problems) < maxStray {
		s.problems = append(s.problems, fmt.Sprintf("%d: ", line)+fmt.Sprintf(format, args...))
	}
}
