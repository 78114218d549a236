package state

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestParseEntry(t *testing.T) {
	tests := []struct {
		name string
		file string
		want entry
		ok   bool
	}{
		{"state", "00000000000000000012-state-3.json", entry{12, hostnet.KindState, 3}, true},
		{"host", "18446744073709551615-rules-0.json", entry{1<<64 - 1, hostnet.KindRules, 0}, true},
		{"largest ifindex", "00000000000000000001-links-2147483647.json", entry{1, hostnet.KindLinks, 1<<31 - 1}, true},
		{"few digits", "12-state-3.json", entry{}, false},
		{"many digits", "000000000000000000012-state-3.json", entry{}, false},
		{"number too large", "18446744073709551616-state-3.json", entry{}, false},
		{"sign of the number", "+0000000000000000012-state-3.json", entry{}, false},
		{"zero before ifindex", "00000000000000000012-state-03.json", entry{}, false},
		{"sign of ifindex", "00000000000000000012-state-+3.json", entry{}, false},
		{"negative ifindex", "00000000000000000012-state--3.json", entry{}, false},
		{"ifindex too large", "00000000000000000012-state-2147483648.json", entry{}, false},
		{"unknown kind", "00000000000000000012-stat-3.json", entry{}, false},
		{"no kind", "00000000000000000012--3.json", entry{}, false},
		{"no suffix", "00000000000000000012-state-3", entry{}, false},
		{"temporary", ".00000000000000000012-state-3.json.tmp", entry{}, false},
		{"empty", "", entry{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseEntry(tt.file)
			assert.Equal(t, tt.ok, ok)
			if tt.ok {
				assert.Equal(t, tt.want, got)
			}
		})
	}
}

// FuzzParseEntry checks that a name which is accepted is the only one of its
// entry, and names a file of the spool itself.
func FuzzParseEntry(f *testing.F) {
	f.Add("00000000000000000012-state-3.json")
	f.Add("00000000000000000012-rules-0.json")
	f.Add("12-state-+3.json")
	f.Add("../00000000000000000012-state-3.json")
	f.Fuzz(func(t *testing.T, name string) {
		e, ok := parseEntry(name)
		if !ok {
			return
		}
		assert.Equal(t, name, e.name())
		assert.True(t, hostnet.IsKind(e.kind))
		assert.GreaterOrEqual(t, e.index, 0)
	})
}
