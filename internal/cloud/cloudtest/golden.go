package cloudtest

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Documents returns the documents in testdata that end in ext, by the name of
// their case.
func Documents(t testing.TB, ext string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*" + ext)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	documents := map[string][]byte{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		documents[strings.TrimSuffix(filepath.Base(file), ext)] = raw
	}
	return documents
}

// Golden parses each document and compares what comes out with the golden file
// beside it.
func Golden(t *testing.T, ext string, parse func(raw []byte) (hostnet.Metadata, error)) {
	t.Helper()
	for name, raw := range Documents(t, ext) {
		t.Run(name, func(t *testing.T) {
			m, err := parse(raw)
			require.NoError(t, err)
			Check(t, m)
			got, err := json.MarshalIndent(m, "", "  ")
			require.NoError(t, err)
			got = append(got, '\n')
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}

// Answers reads a service's answers from a txtar archive: a file per key. A line
// "failed: KEY" of its comment is a key that could not be had.
func Answers(raw []byte) cloud.Answers {
	archive := txtar.Parse(raw)
	answers := cloud.Answers{Bodies: map[string][]byte{}, Failed: map[string]error{}}
	for line := range strings.Lines(string(archive.Comment)) {
		if key, ok := strings.CutPrefix(line, "failed: "); ok {
			answers.Failed[strings.TrimSpace(key)] = cloud.ErrNotReady
		}
	}
	for _, file := range archive.Files {
		answers.Bodies[file.Name] = file.Data
	}
	return answers
}
