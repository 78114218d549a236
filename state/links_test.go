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

func TestLookAtLink(t *testing.T) {
	root := t.TempDir()
	assert.Zero(t, LookAtLink(root, 2), "no directory")
	links, err := OpenLinks(root)
	require.NoError(t, err)
	want := LinkRecord{Index: 2, Name: "eth0", States: hostnet.States{hostnet.OperationalState: "routable"}}
	lying := want
	lying.States = hostnet.States{hostnet.OperationalState: "routable", hostnet.AdministrativeState: "$(reboot)"}
	require.NoError(t, links.Save(lying))
	require.NoError(t, links.Save(LinkRecord{Index: 3, Name: "../x"}))
	require.NoError(t, os.Symlink("2.json", filepath.Join(root, linksDir, "4.json")))
	require.NoError(t, os.WriteFile(filepath.Join(root, linksDir, "5.json"), []byte(`{"ifindex":2}`), 0o644))
	assert.Equal(t, want, LookAtLink(root, 2))
	for index := 3; index < 7; index++ {
		assert.Zero(t, LookAtLink(root, index), index)
	}
	require.NoError(t, os.Chmod(filepath.Join(root, linksDir), 0o777))
	assert.Zero(t, LookAtLink(root, 2), "others may write there")
}

func TestLookAtLinks(t *testing.T) {
	root := t.TempDir()
	records, err := LookAtLinks(root)
	require.NoError(t, err)
	assert.Empty(t, records)
	links, err := OpenLinks(root)
	require.NoError(t, err)
	want := LinkRecord{Index: 2, Name: "eth0", States: hostnet.States{hostnet.OperationalState: "routable"}}
	require.NoError(t, links.Save(want))
	require.NoError(t, links.Save(LinkRecord{Index: 3, Name: "../x"}))
	require.NoError(t, os.Symlink("2.json", filepath.Join(root, linksDir, "4.json")))
	require.NoError(t, os.WriteFile(filepath.Join(root, linksDir, "5.json"), []byte("{"), 0o644))
	records, err = LookAtLinks(root)
	require.NoError(t, err)
	assert.Equal(t, map[int]LinkRecord{2: want}, records)

	if os.Geteuid() == 0 { // the watcher's are the user netbrk's
		require.NoError(t, os.Chown(filepath.Join(root, linksDir), 65534, -1))
		require.NoError(t, os.Chown(filepath.Join(root, linksDir, "2.json"), 65534, -1))
		records, err = LookAtLinks(root)
		require.NoError(t, err)
		assert.Contains(t, records, 2)
		require.NoError(t, os.Chown(filepath.Join(root, linksDir, "2.json"), 65533, -1))
		records, err = LookAtLinks(root)
		require.NoError(t, err)
		assert.NotContains(t, records, 2, "neither root's nor the watcher's")
	}
	require.NoError(t, os.Chmod(filepath.Join(root, linksDir), 0o777))
	_, err = LookAtLinks(root)
	assert.ErrorContains(t, err, "writable by group or others")
}
