// Package reporttest makes documents whose authors mean harm, for the tests of those
// that show them.
package reporttest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/report"
)

// A Spoiler puts a text in place of every text of a document that takes any.
type Spoiler struct {
	doc    any
	leaves []func(text string)
}

// NewSpoiler finds out which texts those are: not those of an address or a time.
func NewSpoiler(t testing.TB, doc report.Status) *Spoiler {
	t.Helper()
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	s := &Spoiler{}
	require.NoError(t, json.Unmarshal(raw, &s.doc))
	var all []leaf
	collect(s.doc, func(l leaf) { all = append(all, l) })
	require.NotEmpty(t, all)
	for _, l := range all {
		l.set("spoilt")
		raw, err := json.Marshal(s.doc)
		require.NoError(t, err)
		if json.Unmarshal(raw, new(report.Status)) == nil {
			s.leaves = append(s.leaves, l.set)
		}
		l.set(l.text)
	}
	require.NotEmpty(t, s.leaves)
	return s
}

// Spoil returns the document with the text everywhere.
func (s *Spoiler) Spoil(t testing.TB, text string) report.Status {
	t.Helper()
	for _, set := range s.leaves {
		set(text)
	}
	raw, err := json.Marshal(s.doc)
	require.NoError(t, err)
	var doc report.Status
	require.NoError(t, json.Unmarshal(raw, &doc))
	return doc
}

type leaf struct {
	text string
	set  func(text string)
}

func collect(v any, use func(leaf)) {
	each := func(item any, set func(any)) {
		if text, ok := item.(string); ok {
			use(leaf{text, func(text string) { set(text) }})
			return
		}
		collect(item, use)
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			each(v[i], func(item any) { v[i] = item })
		}
	case map[string]any:
		var names []string
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			each(v[name], func(item any) { v[name] = item })
		}
	}
}
