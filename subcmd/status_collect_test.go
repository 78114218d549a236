package subcmd

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestStatusUnits: status asks for every unit that can fail or be stopped. Targets do
// neither, and which instances of a template there are nobody knows.
func TestStatusUnits(t *testing.T) {
	files, err := filepath.Glob("../units/netbrk-*.*")
	require.NoError(t, err)
	var want []string
	for _, file := range files {
		if name := filepath.Base(file); !strings.Contains(name, "@") {
			want = append(want, name)
		}
	}
	require.NotEmpty(t, want)
	assert.ElementsMatch(t, want, statusUnits())
}
