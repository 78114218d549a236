package hostnet

import (
	"path"
	"strings"
	"unicode/utf8"
)

// Glob is a pattern for the name of a link, as in glob(7), in the notation of
// path.Match. The zero value matches the empty name alone.
type Glob struct {
	text string
}

// ParseGlob takes a pattern with the wildcards of glob(7): "*", "?", "[a-z]",
// "[!a-z]" (or "[^a-z]"), and "\" before one that stands for itself. The error
// is path.ErrBadPattern, for a "[" without its "]" or a "\" at the end.
func ParseGlob(pattern string) (Glob, error) {
	text := fromShell(pattern)
	// path.Match looks at the whole pattern before it reports a mismatch, so
	// any name finds out a bad one.
	if _, err := path.Match(text, ""); err != nil {
		return Glob{}, err
	}
	return Glob{text: text}, nil
}

// String returns the pattern; parsed again it makes the same one.
func (g Glob) String() string { return g.text }

// Match reports whether the pattern matches the whole name, by its characters.
func (g Glob) Match(name string) bool {
	// ParseGlob has found out what makes an error. In path.Match "*" may end
	// within a character of several bytes, so "*??" matches "碱" there: what
	// it does not match is settled, what it does match is with ASCII alone.
	if ok, _ := path.Match(g.text, name); !ok || isASCII(name) {
		return ok
	}
	pieces := piecesBetweenStars(g.text)
	last := len(pieces) - 1
	if last == 0 {
		return true
	}
	// The first piece has its place at the start and the last one at the end.
	// Those between take the first place they find: a later one could only
	// leave less to those that follow.
	name, ok := pieces[0].cut(name)
	for _, p := range pieces[1:last] {
		if ok {
			name, ok = p.find(name)
		}
	}
	return ok && pieces[last].ends(name)
}

// piece is a part of a pattern that has no star, and so always matches the
// same number of characters.
type piece struct {
	text  string
	chars int
}

// cut returns what follows the characters that the piece matches at the start of name.
func (p piece) cut(name string) (rest string, ok bool) {
	n := 0
	for range p.chars {
		_, size := utf8.DecodeRuneInString(name[n:])
		n += size
	}
	ok, _ = path.Match(p.text, name[:n])
	return name[n:], ok
}

// find returns what follows the first place in name where the piece matches.
func (p piece) find(name string) (rest string, ok bool) {
	for {
		if rest, ok := p.cut(name); ok || name == "" {
			return rest, ok
		}
		_, size := utf8.DecodeRuneInString(name)
		name = name[size:]
	}
}

// ends reports whether the piece matches the end of name.
func (p piece) ends(name string) bool {
	n := len(name)
	for range p.chars {
		_, size := utf8.DecodeLastRuneInString(name[:n])
		n -= size
	}
	ok, _ := path.Match(p.text, name[n:])
	return ok
}

// piecesBetweenStars takes a pattern of path.Match apart: n stars make n+1 pieces.
func piecesBetweenStars(text string) []piece {
	var pieces []piece
	start, chars := 0, 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '*':
			pieces = append(pieces, piece{text[start:i], chars})
			i++
			start, chars = i, 0
			continue
		case '[':
			i = bracketEnd(text, i)
		case '\\':
			i++
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
		chars++
	}
	return append(pieces, piece{text[start:], chars})
}

// bracketEnd returns where the "]" is that ends the bracket that begins at i.
// As in path.Match, "]" needs a "\" within a bracket, at its start as well.
func bracketEnd(text string, i int) int {
	for i++; text[i] != ']'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// fromShell writes a glob of glob(7) for path.Match, which negates a bracket
// with ^ where the shell has !.
func fromShell(glob string) string {
	b := []byte(glob)
	for i, inBracket := 0, false; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			i++ // the next one stands for itself
		case inBracket:
			inBracket = b[i] != ']'
		case b[i] == '[':
			inBracket = true
			if i+1 < len(b) && b[i+1] == '!' {
				b[i+1] = '^'
				i++
			}
		}
	}
	return string(b)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
