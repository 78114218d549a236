package state

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func TestLinkRecords(t *testing.T) {
	root := t.TempDir()
	links, err := OpenLinks(root)
	require.NoError(t, err)
	want := LinkRecord{
		Index: 3, Name: "eth0", States: hostnet.States{hostnet.OperationalState: "routable"},
		Routes: SetDigest{Count: 2, Sum: 1<<64 - 1}, Lease: hostnet.LeaseMark{Signature: "x", Address: "192.0.2.1/24"}, Seq: 9,
	}
	require.NoError(t, links.Save(want))
	require.NoError(t, links.Save(LinkRecord{Index: 4}))
	require.NoError(t, links.Remove(4))
	require.NoError(t, links.Remove(4))
	for name, content := range map[string]string{"5.json": "cut off {", "6.json": `{"ifindex":7}`, "07.json": `{"ifindex":7}`, "x": "{}"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, linksDir, name), []byte(content), 0o644))
	}
	got, err := links.Load()
	require.NoError(t, err)
	assert.Equal(t, map[int]LinkRecord{3: want}, got)
}
