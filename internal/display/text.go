package display

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Options say for what kind of terminal to write.
type Options struct {
	// Width is in columns; 0 means that lines have no end, as in a file.
	Width int
	// Colour says that the terminal has colours, Plain that it has no characters
	// but those of ASCII.
	Colour, Plain bool
}

// narrow is the width below which a table has no place.
const narrow = 60

// The colours, by ECMA-48.
type colour string

const (
	none   colour = ""
	bold   colour = "1"
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

// page is text under way.
type page struct {
	Options
	b strings.Builder
}

func (p *page) String() string { return p.b.String() }

// paint gives text a colour where there are any.
func (p *page) paint(c colour, text string) string {
	if !p.Colour || c == none || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// glyph is a character that not every terminal has.
func (p *page) glyph(fancy, plain string) string {
	if p.Plain {
		return plain
	}
	return fancy
}

func (p *page) dot() string     { return p.glyph("●", "*") }
func (p *page) arrow() string   { return p.glyph("→", "->") }
func (p *page) ellipse() string { return p.glyph("…", "...") }

func (p *page) branch(last bool) string {
	if last {
		return p.glyph("└─ ", "`- ")
	}
	return p.glyph("├─ ", "|- ")
}

// stem continues a branch on the next lines.
func (p *page) stem(last bool) string {
	if last {
		return "   "
	}
	return p.glyph("│  ", "|  ")
}

func (p *page) line(text string) { p.b.WriteString(strings.TrimRight(text, " ") + "\n") }

// wrapped writes text after first, and what has no place on that line after rest,
// which is as wide.
func (p *page) wrapped(first, rest, text string) {
	room := 0
	if p.Width > 0 {
		room = max(p.Width-width(first), 10)
	}
	for i, line := range wrap(text, room) {
		if i > 0 {
			first = rest
		}
		p.line(first + line)
	}
}

// entry is a label with text beside it, or below it where that is too narrow.
func (p *page) entry(label, text string) {
	p.wrapped(pad(p.paint(bold, label), labelWidth), strings.Repeat(" ", labelWidth), text)
}

const labelWidth = 9

// tree writes entries below the last line, each with what hangs below itself.
func (p *page) tree(indent string, nodes []node) {
	for i, n := range nodes {
		last := i == len(nodes)-1
		p.wrapped(indent+p.branch(last), indent+p.stem(last), n.text)
		p.tree(indent+p.stem(last), n.below)
	}
}

type node struct {
	text  string
	below []node
}

func leaves(texts []string) []node {
	nodes := make([]node, 0, len(texts))
	for _, t := range texts {
		nodes = append(nodes, node{text: t})
	}
	return nodes
}

// firstOf keeps the first n of many words, and says how many there are besides.
// One more than n is kept: to say so takes as much room.
func (p *page) firstOf(words []string, n int, where string) []string {
	if len(words) <= n+1 {
		return words
	}
	more := fmt.Sprintf("%s and %d more", p.ellipse(), len(words)-n)
	if where != "" {
		more += ": " + where
	}
	return append(words[:n:n], more)
}

// fitting joins as many words as have room, and says how many there are besides.
func (p *page) fitting(words []string, room int) string {
	all := strings.Join(words, ", ")
	if p.Width == 0 || width(all) <= room {
		return all
	}
	for n := len(words) - 1; n > 0; n-- {
		text := fmt.Sprintf("%s, %s and %d more", strings.Join(words[:n], ", "), p.ellipse(), len(words)-n)
		if width(text) <= room {
			return text
		}
	}
	if len(words) > 1 {
		return fmt.Sprintf("%d of them", len(words))
	}
	return p.cut(all, room)
}

// cut shortens text that has no room.
func (p *page) cut(text string, room int) string {
	if p.Width == 0 || width(text) <= room {
		return text
	}
	keep := max(room-width(p.ellipse()), 1)
	var b strings.Builder
	for _, r := range text {
		if keep == 0 {
			break
		}
		b.WriteRune(r)
		keep--
	}
	return b.String() + p.ellipse()
}

// width counts the columns of text: colours have none.
func width(text string) int {
	n := 0
	for rest := text; rest != ""; {
		if strings.HasPrefix(rest, "\x1b[") {
			if end := strings.IndexByte(rest, 'm'); end >= 0 {
				rest = rest[end+1:]
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		n++
	}
	return n
}

func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(columns-width(text), 0))
}

// wrap breaks text between words into lines of at most room columns; a word that is
// longer is broken itself. Room 0 is without end.
func wrap(text string, room int) []string {
	if room == 0 || width(text) <= room {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && width(line)+1+width(word) <= room {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for width(word) > room && !strings.Contains(word, "\x1b") {
			head := string([]rune(word)[:room])
			lines = append(lines, head)
			word = word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}
