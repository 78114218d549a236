package state

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestCloud(t *testing.T) {
	root := t.TempDir()
	links, err := LookAtCloud(root).Links()
	require.NoError(t, err)
	assert.Empty(t, links)
	assert.Zero(t, LookAtCloud(root).Sync())
	assert.Zero(t, LookAtCloud(root).System())

	c, err := OpenCloud(root)
	require.NoError(t, err)
	link := report.CloudLink{Index: 5, Link: "eth1", InstanceID: "i-1", NIC: hostnet.NIC{MAC: "02:00:00:00:00:01"}, Routed: true}
	require.NoError(t, c.SaveLink(link))
	require.NoError(t, os.WriteFile(filepath.Join(root, "cloud/links/6.json"), []byte("{"), 0o644))
	links, err = LookAtCloud(root).Links()
	require.NoError(t, err)
	assert.Equal(t, map[int]report.CloudLink{5: link}, links, "what cannot be read is as good as missing")
	assert.True(t, c.Has(5))
	require.NoError(t, c.RemoveLink(5))
	require.NoError(t, c.RemoveLink(5))
	assert.False(t, c.Has(5))

	sync := report.CloudSync{Provider: "aws", Outcome: "done"}
	require.NoError(t, c.SaveSync(sync))
	assert.Equal(t, sync, LookAtCloud(root).Sync())

	system := hostnet.System{Provider: "gcp", InstanceID: "1", Project: &hostnet.Project{ID: "p", Attributes: []string{"a"}}}
	require.NoError(t, c.SaveSystem(system))
	assert.Equal(t, system, LookAtCloud(root).System())
}

func TestCloudDocumentsAreKeptAsTheyAre(t *testing.T) {
	root := t.TempDir()
	c, err := OpenCloud(root)
	require.NoError(t, err)
	signed := []byte("{ \"a\" : 1 }\r\n\x00")
	require.NoError(t, c.SaveDocument("ec2/document", signed))
	kept, err := os.ReadFile(filepath.Join(root, "cloud/provider/ec2/document"))
	require.NoError(t, err)
	assert.Equal(t, signed, kept)
	kept, err = LookAtCloud(root).Document("ec2/document")
	require.NoError(t, err)
	assert.Equal(t, signed, kept)
	_, err = LookAtCloud(root).Document("ec2/pkcs7")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	for _, name := range []string{"", "document", "../x", "ec2/../x", "/x", "ec2/", "ec2/a/b"} {
		assert.Error(t, c.SaveDocument(name, signed), name)
		_, err := c.Document(name)
		assert.ErrorContains(t, err, "no name of a document", name)
	}
}

// TestCloudClearsTemps: a document that does not differ is not written again.
func TestCloudClearsTemps(t *testing.T) {
	root := t.TempDir()
	c, err := OpenCloud(root)
	require.NoError(t, err)
	require.NoError(t, c.SaveDocument("ec2/document", []byte("signed")))
	for _, dir := range []string{"cloud", "cloud/links", "cloud/provider/ec2"} {
		tmp := filepath.Join(root, dir, ".document.tmp")
		require.NoError(t, os.WriteFile(tmp, nil, 0o644))
		_, err = OpenCloud(root)
		require.NoError(t, err)
		assert.NoFileExists(t, tmp)
	}
	assert.FileExists(t, filepath.Join(root, "cloud/provider/ec2/document"))
}

func TestLastSync(t *testing.T) {
	root := t.TempDir()
	c, err := OpenCloud(root)
	require.NoError(t, err)
	assert.Zero(t, c.LastSync())
	require.NoError(t, c.Synced(time.Now()), "nothing to note it at is no error")
	assert.Zero(t, c.LastSync())
	require.NoError(t, c.SaveSync(report.CloudSync{Provider: "aws", Outcome: "done"}))
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	require.NoError(t, c.Synced(at))
	assert.True(t, at.Equal(LookAtCloud(root).LastSync()))
	assert.Equal(t, "aws", c.Sync().Provider, "the file is as it was")
}
