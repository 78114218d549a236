package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Position is a place in a file. Line and Col count from 1, Col in bytes;
// 0 means that it is not known.
type Position struct {
	File      string
	Line, Col int
}

// String writes p as compilers do: "file:line:col", without what is not known.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Error is one thing that keeps a configuration from being used.
type Error struct {
	Position
	// Key is "Section.Key", or empty where the trouble is with no single key.
	Key string
	// Text says what is wrong.
	Text string

	cause error // what reading the file met, if that is the trouble
}

func (e *Error) Error() string { return line(e.Position, e.Key, e.Text) }

// Unwrap returns the error of reading the file, nil where it was read.
func (e *Error) Unwrap() error { return e.cause }

// Errors are all that was found wrong, in the order of the files and lines.
type Errors []*Error

// Error names the first one and counts the others: an error is one line.
func (es Errors) Error() string {
	if len(es) == 1 {
		return es[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", es[0], len(es)-1)
}

// Unwrap returns each error by itself.
func (es Errors) Unwrap() []error {
	list := make([]error, len(es))
	for i, e := range es {
		list[i] = e
	}
	return list
}

// Warning is a thing that the owner should know of and that netbrk can run with.
type Warning struct {
	Position
	// Key is "Section.Key", the name of a section, or empty.
	Key string
	// Text says what it is about.
	Text string
	// Unknown marks a key or section that netbrk does not know, most likely a
	// misspelt one: Strict makes an error of it.
	Unknown bool
}

// String is the whole warning in one line.
func (w Warning) String() string { return line(w.Position, w.Key, w.Text) }

// Strict returns an error of type Errors for those warnings that are about
// unknown keys and sections, and nil if there is none. A key of the older
// tools, even one without effect, is not unknown.
func Strict(warnings []Warning) error {
	var errs Errors
	for _, w := range warnings {
		if w.Unknown {
			errs = append(errs, &Error{Position: w.Position, Key: w.Key, Text: w.Text})
		}
	}
	if errs == nil {
		return nil
	}
	return errs
}

// line joins with colons what there is of the three. It is one line whatever a
// key is called: what is not printable is escaped.
func line(p Position, key, text string) string {
	var b strings.Builder
	for _, part := range []string{p.String(), key, text} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		for _, r := range part {
			if unicode.IsPrint(r) {
				b.WriteRune(r)
			} else {
				b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
			}
		}
	}
	return b.String()
}

// nearest returns the candidate that word is most likely a misspelling of, and
// "" where none is near: at most one edit in three letters.
func nearest(word string, candidates []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// didYouMean is the end of a message about a word that is like another one.
func didYouMean(word string) string {
	if word == "" {
		return ""
	}
	return "; did you mean " + word + "?"
}

// distance counts the insertions, deletions, replacements and swaps of two
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
