package man_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/config"
)

// TestSecurity: each threat on netbrk-security(7) has tests that show what is said of
// it, and each of them is where the page says.
func TestSecurity(t *testing.T) {
	threats := strings.Split(page(t, "netbrk-security.7"), "\n.Ss ")[1:]
	require.Len(t, threats, 10)
	for _, threat := range threats {
		title, _, _ := strings.Cut(threat, "\n")
		t.Run(title, func(t *testing.T) {
			_, list, found := strings.Cut(threat, "\nShown by:\n")
			require.True(t, found)
			list, _, found = strings.Cut(list, "\n.El")
			require.True(t, found)
			items := strings.Split(list, "\n.It Pa ")[1:]
			require.NotEmpty(t, items)
			for _, item := range items {
				lines := strings.Split(item, "\n")
				require.Greater(t, len(lines), 1, "no test of %s", lines[0])
				there := testsIn(t, lines[0])
				for _, name := range lines[1:] {
					assert.Contains(t, there, name, "in %s", lines[0])
				}
			}
		})
	}
	for _, cloud := range config.Providers() {
		assert.Contains(t, page(t, "netbrk-security.7"), "\n.It Pa internal/cloud/"+cloud+"\n")
	}
	for _, cve := range []string{"CVE-2022-29799", "CVE-2022-29800"} {
		assert.Contains(t, page(t, "netbrk-security.7"), "\n.Ss "+cve)
	}
}

// testsIn returns the names of the tests and fuzz targets in a directory of the tree.
func testsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		names = append(names, all(regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\([tf] \*testing\.[TF]\)`), string(text))...)
	}
	return names
}
