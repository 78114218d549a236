package dispatcher

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseStat(t *testing.T) {
	tests := []struct {
		name, stat, state string
		pgrp              int
		ok                bool
	}{
		{"plain", "12 (sleep) S 1 12 12 0 -1", "S", 12, true},
		{"a zombie", "12 (sh) Z 1 10 10 0 -1", "Z", 10, true},
		{"a name that looks like the rest", "12 (a) R 1 99 (b) S 1 12 12 0", "S", 12, true},
		{"cut", "12 (sh) S 1", "", 0, false},
		{"no name", "12", "", 0, false},
		{"empty", "", "", 0, false},
		{"no number", "12 (sh) S 1 x 1", "S", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state, pgrp, ok := parseStat([]byte(tt.stat))
			assert.Equal(t, tt.ok, ok)
			assert.Equal(t, tt.state, state)
			assert.Equal(t, tt.pgrp, pgrp)
		})
	}
}

// FuzzParseStat: a process calls itself what it likes, prctl(2), and its state and
// group are read all the same, as the kernel writes them after the name.
func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err == nil {
		f.Add(own, "S", 12)
	}
	for _, name := range []string{"sh", "a) R 1 99 (b", ") Z 1 1", "", "\n", "((((((((((((((("} {
		f.Add([]byte(name), "Z", 4194304)
	}
	f.Fuzz(func(t *testing.T, raw []byte, word string, group int) {
		if state, pgrp, ok := parseStat(raw); ok {
			fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
			assert.Equal(t, string(fields[0]), state)
			n, err := strconv.Atoi(string(fields[2]))
			assert.NoError(t, err)
			assert.Equal(t, n, pgrp)
		}
		if len(word) != 1 || word[0] <= ' ' || word[0] > '~' || word == ")" {
			return // no state of the kernel's
		}
		state, pgrp, ok := parseStat(fmt.Appendf(nil, "12 (%s) %s 1 %d 12 0 -1 4194560", raw, word, group))
		assert.Equal(t, []any{word, group, true}, []any{state, pgrp, ok})
	})
}
