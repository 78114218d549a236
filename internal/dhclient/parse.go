package dhclient

import "slices"

// maxToken is the longest word or string in bytes, as it is dhclient's own
// (CONFLEX_BUFLEN in its dhcpd.h).
const maxToken = 1500

// statement is what ends with a semicolon, or with a block of its own.
type statement struct {
	words []word
	body  []statement
}

// word is a token that is not punctuation, unescaped.
type word struct {
	text   string
	quoted bool
	// long is set for one that was cut at maxToken.
	long bool
}

// name is the first word, which says what a statement is about.
func (s statement) name() string {
	if len(s.words) == 0 || s.words[0].quoted {
		return ""
	}
	return s.words[0].text
}

// args are the words after the first.
func (s statement) args() []word {
	if len(s.words) == 0 {
		return nil
	}
	return s.words[1:]
}

// parseBlock splits the text of a block, the braces of which match, into statements.
func parseBlock(text []byte) []statement {
	p := parser{rest: text}
	return p.statements(0)
}

// maxDepth bounds blocks within blocks: of a lease6 three are known.
const maxDepth = 4

type parser struct{ rest []byte }

func (p *parser) statements(depth int) []statement {
	var list []statement
	var now statement
	for {
		p.skipBlanks()
		if len(p.rest) == 0 {
			return list // words without a semicolon are no statement
		}
		switch c := p.rest[0]; c {
		case ';':
			p.rest = p.rest[1:]
			if now.words != nil {
				list = append(list, now)
			}
			now = statement{}
		case ',': // parts values, as blanks do
			p.rest = p.rest[1:]
		case '{':
			p.rest = p.rest[1:]
			if depth < maxDepth {
				now.body = p.statements(depth + 1)
				list = append(list, now)
			} else {
				p.skipBody()
			}
			now = statement{}
		case '}':
			p.rest = p.rest[1:]
			if depth > 0 {
				return list
			}
		default:
			now.words = append(now.words, p.word())
		}
	}
}

func (p *parser) skipBlanks() {
	for len(p.rest) > 0 {
		switch p.rest[0] {
		case ' ', '\t', '\r', '\n':
			p.rest = p.rest[1:]
		default:
			return
		}
	}
}

// skipBody goes on behind the brace that closes a block of which nothing is known.
func (p *parser) skipBody() {
	for depth := 1; depth > 0; {
		p.skipBlanks()
		if len(p.rest) == 0 {
			return
		}
		switch p.rest[0] {
		case '{':
			depth++
		case '}':
			depth--
		case ';', ',':
		default:
			p.word()
			continue
		}
		p.rest = p.rest[1:]
	}
}

func (p *parser) word() word {
	if p.rest[0] == '"' {
		return p.quoted()
	}
	n := slices.IndexFunc(p.rest, func(c byte) bool {
		switch c {
		case ' ', '\t', '\r', '\n', ';', ',', '{', '}', '"':
			return true
		}
		return false
	})
	if n < 0 {
		n = len(p.rest)
	}
	w := word{text: string(p.rest[:min(n, maxToken)]), long: n > maxToken}
	p.rest = p.rest[n:]
	return w
}

// quoted reads a string: \" \\ \t \r \n \b, \ooo in octal, \xhh; of any other
// escaped byte the byte itself.
func (p *parser) quoted() word {
	w := word{quoted: true}
	var text []byte
	at := 1
	for at < len(p.rest) && p.rest[at] != '"' {
		c := p.rest[at]
		at++
		if c == '\\' && at < len(p.rest) {
			var n int
			c, n = unescape(p.rest[at:])
			at += n
		}
		if len(text) == maxToken {
			w.long = true
			continue
		}
		text = append(text, c)
	}
	p.rest = p.rest[min(at+1, len(p.rest)):]
	w.text = string(text)
	return w
}

// unescape reads what follows a backslash, of which there is a byte at least, and
// tells how long it was.
func unescape(p []byte) (c byte, n int) {
	switch p[0] {
	case 't':
		return '\t', 1
	case 'r':
		return '\r', 1
	case 'n':
		return '\n', 1
	case 'b':
		return '\b', 1
	case '0', '1', '2', '3':
		if len(p) >= 3 && octal(p[1]) && octal(p[2]) {
			return p[0]&3<<6 | p[1]&7<<3 | p[2]&7, 3
		}
	case 'x':
		if len(p) >= 3 {
			high, ok1 := hexDigit(p[1])
			low, ok2 := hexDigit(p[2])
			if ok1 && ok2 {
				return high<<4 | low, 3
			}
		}
	}
	return p[0], 1
}

func octal(c byte) bool { return '0' <= c && c <= '7' }

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
