package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestArchitecture: each path that the page names is there, each package of the program
// is on its map, and no table has a thing twice.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("../ARCHITECTURE.md")
	require.NoError(t, err)
	named := paths(t, string(text))
	require.NotEmpty(t, named)
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(string(text), -1) {
		if strings.Trim(m[1], "- ") != "" && m[1] != "path" && m[1] != "what" {
			assert.False(t, rows[m[1]], "%s has two rows", m[1])
			rows[m[1]] = true
		}
	}
	for name := range ours {
		parent := filepath.Dir(name)
		assert.True(t, named[name] || name == "cmd/netbrk" || strings.HasPrefix(name, "internal/") && named[parent], "%s is not on the map", name)
	}
}

// TestScale: the same of the paths on the page on scale.
func TestScale(t *testing.T) {
	text, err := os.ReadFile("../SCALE.md")
	require.NoError(t, err)
	require.NotEmpty(t, paths(t, string(text)))
}

// paths returns those that a page names. All of them have to be there.
func paths(t *testing.T, text string) map[string]bool {
	t.Helper()
	path := regexp.MustCompile("`((?:cmd|subcmd|dispatcher|state|units|man|testdata|internal)(?:/[a-zA-Z0-9_.-]+)*)`")
	named := map[string]bool{}
	for _, m := range path.FindAllStringSubmatch(text, -1) {
		named[m[1]] = true
		_, err := os.Stat(filepath.Join("../..", m[1]))
		assert.NoError(t, err)
	}
	return named
}
