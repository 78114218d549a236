package dispatcher

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestTail(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name   string
		writes []string
		want   string
	}{
		{"nothing", nil, ""},
		{"little", []string{"a", "b"}, "ab"},
		{"full", []string{x(maxOutput)}, x(maxOutput)},
		{"one over", []string{"a", x(maxOutput)}, x(maxOutput)},
		{"by and by", []string{"a", x(maxOutput - 2), "b", "c"}, x(maxOutput-2) + "bc"},
		{"at once", []string{"a" + x(3*maxOutput) + "b"}, x(maxOutput-1) + "b"},
		{"a character cut in two", []string{"ü" + x(maxOutput-1)}, x(maxOutput - 1)},
		{"a character cut at its end", []string{"𝄞" + x(maxOutput-1)}, x(maxOutput - 1)},
		{"not one character too many", []string{"\x80\x80\x80\x80" + x(maxOutput-4)}, "?" + x(maxOutput-4)},
		{"a continuation that nothing was cut from", []string{"\x80a"}, "?a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got tail
			var total int
			for _, w := range tt.writes {
				n, err := got.Write([]byte(w))
				assert.NoError(t, err)
				assert.Equal(t, len(w), n)
				total += n
			}
			assert.Equal(t, tt.want, got.String())
			assert.Equal(t, int64(total), got.total)
		})
	}
}

// FuzzTail feeds it what a script may print, in pieces.
func FuzzTail(f *testing.F) {
	f.Add([]byte("a\xffü"), uint16(3), uint16(2000))
	f.Fuzz(func(t *testing.T, raw []byte, cut, repeat uint16) {
		raw = []byte(strings.Repeat(string(raw), int(repeat)%5000))
		at := min(int(cut), len(raw))
		var got tail
		_, _ = got.Write(raw[:at])
		_, _ = got.Write(raw[at:])
		text := got.String()
		assert.LessOrEqual(t, len(text), maxOutput)
		assert.True(t, utf8.ValidString(text))
		assert.Equal(t, int64(len(raw)), got.total)
		if utf8.Valid(raw) {
			assert.True(t, strings.HasSuffix(string(raw), text))
			assert.GreaterOrEqual(t, len(text), min(len(raw), maxOutput-utf8.UTFMax+1))
		}
	})
}
