package dispatcher

import (
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
