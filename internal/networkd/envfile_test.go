package networkd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestParseEnvFile(t *testing.T) {
	tests := []struct {
		name string
		text string
		want []assignment
	}{
		{"empty", "", nil},
		{"one", "A=b\n", []assignment{{"A", "b"}}},
		{"no final newline", "A=b", []assignment{{"A", "b"}}},
		{"empty value", "A=\nB=\"\"\nC=''", []assignment{{"A", ""}, {"B", ""}, {"C", ""}}},
		{"comments", "# A=1\n; B=2\n  # C=3\nD=4 # 5\n", []assignment{{"D", "4 # 5"}}},
		{"comment ends at its line, backslash or not", "# a\\\nB=1", []assignment{{"B", "1"}}},
		{"no assignment", "junk\n=\nA=1", []assignment{{"", ""}, {"A", "1"}}},
		{"blanks around", "  A \t=  b c \t\r\n", []assignment{{"A", "b c"}}},
		{"escaped blank stays", "A=b\\ \n", []assignment{{"A", "b "}}},
		{"single quotes", `A='a "b" \n $c'`, []assignment{{"A", `a "b" \n $c`}}},
		{"double quotes", `A="a 'b' \" \\ \$ \n"`, []assignment{{"A", `a 'b' " \ $ \n`}}},
		{"parts", `A='a' "b"c d`, []assignment{{"A", "abc d"}}},
		{"quotes inside a word", `A=it's "b`, []assignment{{"A", `it's "b`}}},
		{"quoted newline", "A=\"a\nB=1\"\nC=2", []assignment{{"A", "a\nB=1"}, {"C", "2"}}},
		{"continued", "A=a\\\nb\nB=\"c\\\nd\"", []assignment{{"A", "ab"}, {"B", "cd"}}},
		{"unquoted escape", `A=a\b\\c`, []assignment{{"A", `ab\c`}}},
		{"quotes never closed", "A=\"b\nC=d", []assignment{{"A", "b\nC=d"}}},
		{"backslash at the end", `A=b\`, []assignment{{"A", "b"}}},
		{"backslash at the end of quotes", `A="b\`, []assignment{{"A", "b"}}},
		{"NUL and what is not UTF-8 are handed on", "A=\x00\xff", []assignment{{"A", "\x00\xff"}}},
		{"equals signs", "A=b=c", []assignment{{"A", "b=c"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, parseEnvFile([]byte(tt.text)))
		})
	}
}

// FuzzParseEnvFile looks for what the parser would lose: what it read, written
// with every byte quoted, must read the same.
func FuzzParseEnvFile(f *testing.F) {
	for version, index := range captured() {
		for _, name := range []string{"state", "links/" + strconv.Itoa(index), "leases/" + strconv.Itoa(index)} {
			raw, err := os.ReadFile(filepath.Join("testdata", version, name))
			require.NoError(f, err)
			f.Add(raw)
		}
	}
	f.Add([]byte("A=\"a\nb\" 'c'\\\nd\nB=x\\ \n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		first := parseEnvFile(raw)
		var b strings.Builder
		var kept []assignment
		for _, a := range first {
			assert.NotContains(t, a.key, "=")
			assert.NotContains(t, a.key, "\n")
			if a.key == "" {
				continue // cannot be written so that it is not another's key
			}
			kept = append(kept, a)
			b.WriteString(a.key + "='" + strings.ReplaceAll(a.value, "'", `'"'"'`) + "'\n")
		}
		assert.Equal(t, kept, parseEnvFile([]byte(b.String())))
	})
}

func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("large"), make([]byte, maxFileBytes+1), 0o644))
	require.NoError(t, os.WriteFile(path("fits"), make([]byte, maxFileBytes), 0o644))
	require.NoError(t, os.Symlink(path("fits"), path("link")))
	require.NoError(t, os.Mkdir(path("directory"), 0o755))
	require.NoError(t, unix.Mkfifo(path("pipe"), 0o644))

	raw, err := readFile(path("fits"))
	require.NoError(t, err)
	assert.Len(t, raw, maxFileBytes)

	_, err = readFile(path("absent"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = readFile(path("large"))
	assert.ErrorContains(t, err, "larger than")
	for _, name := range []string{"link", "directory", "pipe"} {
		_, err = readFile(path(name))
		assert.ErrorContains(t, err, path(name))
		assert.NotErrorIs(t, err, os.ErrNotExist)
	}
}
