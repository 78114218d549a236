package config

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"
)

// document is one file, parsed and not yet understood.
type document struct {
	file     string
	sections []setting // the tables, with an empty name
	settings []setting // the keys, in the order of the file
}

// setting is one key with its value as the TOML decoder made it, or a table.
type setting struct {
	section, name string // as written; section is "" for a key in none
	raw           any
	value, key    Position // where the value and the key begin
}

// String names s as the file spells it.
func (s setting) String() string {
	switch {
	case s.section == "":
		return s.name
	case s.name == "":
		return s.section
	}
	return s.section + "." + s.name
}

// parse reads the TOML of one file. Its error is an Errors of one.
func parse(file string, data []byte) (*document, error) {
	// The decoder skips the byte order mark and counts columns without it.
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	r := &reader{file: file, data: string(data)}
	var top map[string]toml.Primitive
	var err error
	if r.meta, err = toml.Decode(r.data, &top); err != nil {
		return nil, Errors{r.syntaxError(err)}
	}
	doc := &document{file: file}
	for name, p := range top {
		raw, start := r.value(p)
		table, isTable := raw.(map[string]any)
		if !isTable {
			doc.settings = append(doc.settings, r.setting("", name, raw, start))
			continue
		}
		doc.sections = append(doc.sections, r.setting(name, "", raw, start))
		members := make(map[string]toml.Primitive, len(table))
		if err := r.meta.PrimitiveDecode(p, &members); err != nil {
			return nil, Errors{r.syntaxError(err)}
		}
		for member, p := range members {
			raw, start := r.value(p)
			doc.settings = append(doc.settings, r.setting(name, member, raw, start))
		}
	}
	byPosition := func(a, b setting) int {
		return cmp.Or(cmp.Compare(a.value.Line, b.value.Line), cmp.Compare(a.value.Col, b.value.Col),
			strings.Compare(a.String(), b.String()))
	}
	slices.SortFunc(doc.sections, byPosition)
	slices.SortFunc(doc.settings, byPosition)
	return doc, nil
}

// reader finds out where in a file the values stand, which the decoder knows
// and tells of in errors only.
type reader struct {
	file string
	data string
	meta toml.MetaData
}

// probe is decoded into to catch a value and to make the decoder return an
// error, for the position in it.
type probe struct{ raw any }

var errProbe = errors.New("probe")

func (p *probe) UnmarshalTOML(raw any) error {
	p.raw = raw
	return errProbe
}

// value returns the value of p and the offset where it begins: behind the
// opening quote or bracket. A table that only dotted keys or headers of
// subtables make has no place of its own, and gets that of its first value.
func (r *reader) value(p toml.Primitive) (raw any, start int) {
	var caught probe
	var found toml.ParseError
	if err := r.meta.PrimitiveDecode(p, &caught); !errors.As(err, &found) {
		return caught.raw, -1
	}
	table, isTable := caught.raw.(map[string]any)
	if found.Position.Line > 0 || !isTable {
		return caught.raw, found.Position.Start
	}
	start = -1
	members := make(map[string]toml.Primitive, len(table))
	if err := r.meta.PrimitiveDecode(p, &members); err != nil {
		return caught.raw, start
	}
	for _, member := range members {
		if _, s := r.value(member); s >= 0 && (start < 0 || s < start) {
			start = s
		}
	}
	return caught.raw, start
}

func (r *reader) setting(section, name string, raw any, start int) setting {
	s := setting{section: strings.Clone(section), name: strings.Clone(name), raw: raw}
	s.value = r.position(start)
	s.key = s.value
	if start >= 0 {
		s.key.Col = r.keyColumn(start)
	}
	return s
}

func (r *reader) position(offset int) Position {
	if offset < 0 {
		return Position{File: r.file}
	}
	before := r.data[:offset]
	return Position{
		File: r.file,
		Line: 1 + strings.Count(before, "\n"),
		Col:  len(before) - strings.LastIndexByte(before, '\n'),
	}
}

// keyColumn returns the column of the key whose value begins at offset: that
// of the first letter in the line. In an inline table the decoder's offset is
// that of the key already.
func (r *reader) keyColumn(offset int) int {
	line := r.data[strings.LastIndexByte(r.data[:offset], '\n')+1 : offset]
	if strings.HasSuffix(strings.TrimRight(strings.TrimRight(line, `"'[`), " \t"), "=") {
		return 1 + len(line) - len(strings.TrimLeft(line, " \t"))
	}
	return 1 + len(line)
}

func (r *reader) syntaxError(err error) *Error {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return &Error{Position: Position{File: r.file}, Text: err.Error()}
	}
	// At the end of a very short file, the decoder's offset is before its start.
	offset := min(max(pe.Position.Start, 0), len(r.data))
	if word, start := r.bareWord(offset); word != "" {
		return &Error{Position: r.position(start), Text: word + " needs quotes around it"}
	}
	text := []rune(strings.TrimSuffix(pe.Message, "."))
	if len(text) > 1 && !unicode.IsUpper(text[1]) { // not that of "TOML files"
		text[0] = unicode.ToLower(text[0])
	}
	e := &Error{Position: r.position(offset), Key: pe.LastKey, Text: string(text)}
	if strings.Contains(e.Text, "'"+e.Key+"'") {
		e.Key = "" // it is in the text already
	}
	return e
}

// bareWord returns the value of the line at offset, and where it begins, if it
// was meant to be a string and has no quotes. It is the most frequent slip, and
// what the decoder says of it depends on the letters: "info" is the number
// "inf" to it, with something behind.
func (r *reader) bareWord(offset int) (word string, start int) {
	lineStart := strings.LastIndexByte(r.data[:offset], '\n') + 1
	line, _, _ := strings.Cut(r.data[lineStart:], "\n")
	key, value, _ := strings.Cut(line, "=")
	if offset <= lineStart+len(key) {
		return "", 0 // the trouble is with the key
	}
	value, _, _ = strings.Cut(value, "#")
	word = strings.TrimSpace(value)
	if len(word) > 60 || strings.ContainsAny(word, "\"'[]{}=") || strings.Trim(word, "0123456789+-._:") == "" {
		return "", 0
	}
	for _, c := range word {
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return "", 0
		}
	}
	return word, lineStart + len(key) + 1 + strings.Index(value, word)
}
