package state

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// FuzzRecords puts a file of any content at the place of every record that is read
// back. What is taken is of the link that its name says, and can be kept and read
// again as it is.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{
		"{", "null", `"eth3"`, `"../../up"`, `{"ifindex":3}`, `{"ifindex":3,"name":"eth3","states":{"OperationalState":"routable"},"seq":7}`,
		`{"ifindex":3,"name":"a/b"}`, `{"ifindex":3,"states":{"OperationalState":"\u001b[2Jroutable","evil":"off"}}`, `{"ifindex":3,"link":"eth3","rules":[],"routes":null}`, `{"link":"eth3","ifindex":3,"ipv4":{"address":"192.0.2.7/24"}}`,
		`{"ifindex":3,"addresses":{"count":1,"sum":"18446744073709551615"}}`, `{"entry":"x","why":"y","time":"2026-11-24T10:00:00Z"}`,
	} {
		f.Add([]byte(seed))
	}
	root := f.TempDir()
	require.NoError(f, makeDirs(root, linksDir, rulesDir, leasesDir, cloudDir, cloudLinksDir, seenDir, hooksDir, failedDir, resultsDir))
	plant := func(t *testing.T, data []byte) {
		for _, name := range []string{
			linksDir + "/3.json", rulesDir + "/3.json", cloudLinksDir + "/3.json", leasesDir + "/eth3.json",
			seenDir + "/3.json", cloudDir + "/sync.json", cloudDir + "/system.json", failedDir + "/3.json",
		} {
			require.NoError(t, os.WriteFile(filepath.Join(root, name), data, 0o644))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plant(t, data)
		readBack(t, root)
		_, _ = Failures(root)
		LookAtCloud(root).Sync()
		LookAtCloud(root).System()
	})
}

func readBack(t *testing.T, root string) {
	records, err := LookAtLinks(root)
	require.NoError(t, err)
	for index, r := range records {
		assert.Equal(t, 3, index)
		assert.True(t, r.Name == "" || hostnet.ValidLinkName(r.Name), "%q", r.Name)
		for p, word := range r.States {
			assert.True(t, hostnet.IsState(p, word), "%s=%q", p, word)
		}
		require.NoError(t, (&Links{filepath.Join(root, linksDir)}).Save(r))
		again, err := LookAtLinks(root)
		require.NoError(t, err)
		if len(r.States) == 0 {
			r.States = nil // none are written as none
		}
		assert.Equal(t, map[int]LinkRecord{3: r}, again)
	}
	ledger := LookAtRules(root)
	rules, err := ledger.Load()
	require.NoError(t, err)
	for index, l := range rules {
		assert.Equal(t, 3, index)
		require.NoError(t, ledger.Save(l))
		again, err := ledger.Load()
		require.NoError(t, err)
		assert.Len(t, again, 1, "what was read is not read again")
	}
	cloud := LookAtCloud(root)
	nics, err := cloud.Links()
	require.NoError(t, err)
	for index, l := range nics {
		assert.Equal(t, 3, index)
		require.NoError(t, cloud.SaveLink(l))
		again, err := cloud.Links()
		require.NoError(t, err)
		assert.Len(t, again, 1, "what was read is not read again")
	}
	leases := LookAtLeases(root)
	held, err := leases.Load()
	require.NoError(t, err)
	for link, l := range held {
		assert.Equal(t, "eth3", link)
		require.NoError(t, leases.Save(l))
		_, ok := leases.Get(link)
		assert.True(t, ok, "what was read is not read again")
	}
	if name, ok := readSeen(root, 3); ok {
		assert.True(t, hostnet.ValidLinkName(name), "%q", name)
	}
}

// FuzzDocumentName: a document of a cloud is kept below its provider's directory.
func FuzzDocumentName(f *testing.F) {
	for _, seed := range []string{"ec2/document", "../x", "a/..", "a/b/c", "/etc", "a/", "a\x00/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		dir, base, err := documentName(name)
		if err != nil {
			return
		}
		assert.Equal(t, name, dir+"/"+base)
		assert.Equal(t, filepath.Clean(name), name)
		assert.True(t, filepath.IsLocal(name))
	})
}
