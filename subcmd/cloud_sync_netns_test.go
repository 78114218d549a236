package subcmd

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestCloudSync follows an instance of each cloud from its first sync to the end.
func TestCloudSync(t *testing.T) {
	for cloud, scene := range cloudScenes() {
		t.Run(cloud, func(t *testing.T) {
			t.Parallel()
			testCloudSync(t, newInstance(t, cloud, scene.told), scene)
		})
	}
}

func testCloudSync(t *testing.T, i *instance, scene cloudScene) {
	i.foreign(t)
	before := i.look(t)
	first := i.testFirstSync(t, before)
	i.testSecondSync(t)

	i.metadata.Change(scene.withdraw)
	i.done(t)
	less := i.look(t)
	assert.Equal(t, telling(first, scene.withdrawn), less, "what is withdrawn goes, and nothing else")
	assert.NotEqual(t, first, less)

	more := i.testAttach(t, scene.later, less)
	compareGolden(t, i.cloud, changes(before, first), changes(less, more))
	i.testDetach(t, scene.later, less)
	i.testHeal(t, less)
	i.testFlush(t, before)
}

func (i *instance) testFirstSync(t *testing.T, before []string) (after []string) {
	t.Helper()
	steps := i.done(t, "--dry-run")
	assert.NotEmpty(t, steps)
	assert.Equal(t, before, i.look(t), "a dry run changes nothing")
	assert.NoDirExists(t, filepath.Join(i.dir, "state"))

	end := i.record(t)
	i.done(t)
	for _, c := range end() {
		if c.Object == hostnet.ObjectAddr { // ip(8) tells since iproute2 6.3
			assert.Equal(t, uint8(hostnet.Protocol), c.Addr.Protocol, c.Addr.Prefix)
		}
	}
	i.testState(t)
	return i.look(t)
}

// testState looks at what is kept, and for what must never be.
func (i *instance) testState(t *testing.T) {
	t.Helper()
	files := i.files(t)
	for _, name := range []string{"cloud/sync.json", "cloud/system.json", "cloud/links/10.json", "cloud/links/11.json"} {
		assert.Contains(t, files, name)
	}
	for name, content := range files {
		assert.NotContains(t, content, "c2VjcmV0", name) // what imdstest has for user data
		assert.NotContains(t, content, "TOKEN-", name)
	}
	if i.cloud == "aws" {
		want := imdstest.IdentityDocument(cloudScenes()["aws"].told.System)
		assert.Equal(t, string(want), string(i.read(t, "cloud/provider/ec2/document")))
	}
}

func (i *instance) testSecondSync(t *testing.T) {
	t.Helper()
	files, end := i.files(t), i.record(t)
	quiet := func(args ...string) {
		t.Helper()
		stdout, stderr, status := i.sync(t, args...)
		assert.Zero(t, status)
		assert.Empty(t, stdout+stderr, "nothing to do, nothing to say")
	}
	quiet()
	after := i.files(t)
	// The time of one file alone says when that was; nothing is written into it.
	const last = "cloud/sync.json"
	inode := func(file string) string { before, _, _ := strings.Cut(file, ","); return before }
	content := func(file string) string { _, rest, _ := strings.Cut(file, "\n"); return rest }
	assert.Equal(t, inode(files[last]), inode(after[last]))
	assert.Equal(t, content(files[last]), content(after[last]))
	files[last] = after[last]
	assert.Equal(t, files, after, "a run that changes nothing writes nothing")
	quiet("--dry-run")
	assert.Equal(t, after, i.files(t), "a dry run does not even count")
	assert.Empty(t, writes(end()), "what the kernel told of")
}

func (i *instance) testAttach(t *testing.T, nic hostnet.NIC, before []string) (after []string) {
	t.Helper()
	i.metadata.Change(func(told *hostnet.Metadata) { told.NICs = append(told.NICs, nic) })
	i.done(t)
	assert.Equal(t, before, i.look(t), "its link is not there yet")
	i.attach(t, 2)
	i.done(t)
	return i.look(t)
}

func (i *instance) testDetach(t *testing.T, nic hostnet.NIC, want []string) {
	t.Helper()
	require.Contains(t, i.files(t), "cloud/links/12.json")
	i.ns.IP(t, "link delete nic2")
	i.metadata.Change(func(told *hostnet.Metadata) { told.NICs = told.NICs[:2] })
	i.done(t)
	assert.Equal(t, want, i.look(t))
	assert.NotContains(t, i.files(t), "cloud/links/12.json")
}

// testHeal has somebody flush what netbrk added, as networkctl reconfigure does.
func (i *instance) testHeal(t *testing.T, want []string) {
	t.Helper()
	i.metadata.Forget()
	i.ns.IP(t, "address flush dev nic1")
	assert.NotEqual(t, want, i.look(t))
	_, stderr, status := i.run(t, "apply-rules")
	assert.Zero(t, status, stderr)
	assert.ElementsMatch(t, want, i.look(t))
	assert.Empty(t, i.metadata.Requests())
}

func (i *instance) testFlush(t *testing.T, want []string) {
	t.Helper()
	i.metadata.Forget()
	assert.NotEmpty(t, i.done(t, "--flush", "--dry-run"))
	i.done(t, "--flush")
	assert.Empty(t, i.metadata.Requests(), "there is nothing to ask")
	// A link that is up, and its MTU, others count on by now.
	assert.Equal(t, unlinked(want), unlinked(i.look(t)))
	_, stderr, status := i.run(t, "apply-rules")
	assert.Zero(t, status, stderr)
	assert.Equal(t, unlinked(want), unlinked(i.look(t)), "it stays so")
}

// compareGolden compares the two changes of the network with those on file.
func compareGolden(t *testing.T, cloud, first, later string) {
	t.Helper()
	file := filepath.Join("testdata", "cloud", cloud+".txtar")
	if *update {
		archive := &txtar.Archive{Files: []txtar.File{{Name: "first", Data: []byte(first)}, {Name: "later", Data: []byte(later)}}}
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
	}
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	require.Len(t, archive.Files, 2)
	assert.Equal(t, strings.Split(string(archive.Files[0].Data), "\n"), strings.Split(first, "\n"), "the first sync")
	assert.Equal(t, strings.Split(string(archive.Files[1].Data), "\n"), strings.Split(later, "\n"), "the NIC attached later")
}
