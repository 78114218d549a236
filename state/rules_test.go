package state

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/report"
)

func linkRules(index int) report.LinkRules {
	return report.LinkRules{
		Index: index, Link: "ens5", Table: uint32(9999 + index),
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.5/32")}, Routes: []string{"default via 192.0.2.1 dev ens5"},
	}
}

func TestRulesLedger(t *testing.T) {
	root := t.TempDir()
	assert.False(t, LookAtRules(root).Has(5), "nothing is there")
	entries, err := LookAtRules(root).Load()
	require.NoError(t, err)
	assert.Empty(t, entries)

	r, err := OpenRules(root)
	require.NoError(t, err)
	require.NoError(t, r.Save(linkRules(5)))
	require.NoError(t, r.Save(linkRules(0)))
	assert.True(t, LookAtRules(root).Has(5))
	assert.False(t, LookAtRules(root).Has(6))
	entries, err = LookAtRules(root).Load()
	require.NoError(t, err)
	assert.Equal(t, map[int]report.LinkRules{0: linkRules(0), 5: linkRules(5)}, entries)

	require.NoError(t, r.Remove(5))
	require.NoError(t, r.Remove(5), "it is gone already")
	assert.False(t, r.Has(5))
}

func TestRulesLedgerIsWrittenOnlyWhenItDiffers(t *testing.T) {
	root := t.TempDir()
	r, err := OpenRules(root)
	require.NoError(t, err)
	inode := func() os.FileInfo {
		fi, err := os.Stat(filepath.Join(root, rulesDir, "5.json"))
		require.NoError(t, err)
		return fi
	}
	l := linkRules(5)
	for range 10_000 { // longer than other files may be
		l.Addresses = append(l.Addresses, netip.MustParsePrefix("198.51.100.255/32"))
	}
	require.NoError(t, r.Save(l))
	first := inode()
	require.NoError(t, r.Save(l))
	assert.True(t, os.SameFile(first, inode()))
	l.Flushed = true
	require.NoError(t, r.Save(l))
	assert.False(t, os.SameFile(first, inode()))
}

// TestRulesLedgerPassesBadEntriesBy is about files that no honest writer left:
// the kernel tells what is ours, so nothing depends on them.
func TestRulesLedgerPassesBadEntriesBy(t *testing.T) {
	root := t.TempDir()
	r, err := OpenRules(root)
	require.NoError(t, err)
	require.NoError(t, r.Save(linkRules(5)))
	dir := filepath.Join(root, rulesDir)
	other, err := json.Marshal(linkRules(9))
	require.NoError(t, err)
	for name, content := range map[string]string{
		"6.json": "{", "7.json": string(other), "x.json": "{}", "08.json": "{}", "9": "{}", ".10.json.tmp": "{}",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	require.NoError(t, os.Symlink("5.json", filepath.Join(dir, "11.json")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "12.json"), 0o755))
	entries, err := r.Load()
	require.NoError(t, err)
	assert.Equal(t, map[int]report.LinkRules{5: linkRules(5)}, entries)
}

// TestOpenRulesClearsUp is about a writer that was killed in its midst.
func TestOpenRulesClearsUp(t *testing.T) {
	root := t.TempDir()
	_, err := OpenRules(root)
	require.NoError(t, err)
	left := filepath.Join(root, rulesDir, ".5.json.tmp")
	require.NoError(t, os.WriteFile(left, nil, 0o644))
	_, err = OpenRules(root)
	require.NoError(t, err)
	assert.NoFileExists(t, left)
}
