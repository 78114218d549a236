package display

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
	"github.com/netbrk/netbrk/internal/report/reporttest"
)

// FuzzDisplay puts any text in place of every text of a document: what a hook printed, a
// link is called, the metadata says. A terminal gets one line for each of ours, and
// obeys nothing in it.
func FuzzDisplay(f *testing.F) {
	for _, text := range []string{"", "\x1b[2J\r\x07\x00", "\u009b2J\ta\nb", "é\u202e\u200b", "\xff", strings.Repeat("x ", 300)} {
		f.Add(text)
	}
	var spoilers []*reporttest.Spoiler
	for _, doc := range []report.Status{sound(), degraded()} {
		spoilers = append(spoilers, reporttest.NewSpoiler(f, doc))
	}
	shows := []func(report.Status, Options) string{Status, Links, Rules, Hooks, Cloud, System, Network}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			return
		}
		for _, s := range spoilers {
			doc := s.Spoil(t, text)
			for _, show := range shows {
				for _, o := range []Options{{}, {Width: 60, Colour: true}} {
					for line := range strings.Lines(show(doc, o)) {
						shown := escape.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
						assert.True(t, hostnet.PrintableText(shown, 1<<20), "%q", line)
					}
				}
			}
		}
	})
}
