package state

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

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
	sync, system := cloud.Sync(), cloud.System()
	require.NoError(t, cloud.SaveSync(sync))
	require.NoError(t, cloud.SaveSystem(system))
	assert.Equal(t, encoded(t, sync), encoded(t, cloud.Sync()))
	assert.Equal(t, encoded(t, system), encoded(t, cloud.System()))
	failures, err := Failures(root)
	require.NoError(t, err)
	for _, f := range failures {
		assert.True(t, utf8.ValidString(f.Entry) && utf8.ValidString(f.Why))
	}
	if name, ok := readSeen(root, 3); ok {
		assert.True(t, hostnet.ValidLinkName(name), "%q", name)
	}
}

// FuzzHookRecords puts a file of any name among the results of hooks, and its content
// in the place of the two records that are no JSON object: that targets are settled,
// and the last number of a lease's event. What is kept from then on is told.
func FuzzHookRecords(f *testing.F) {
	for _, name := range []string{"1.json", "18446744073709551615.json", "99999999999999999999.json", "-1.json", "0x7.json", "~", ".1.json.tmp"} {
		f.Add(name, []byte(`"!lo"`))
	}
	for _, content := range []string{"", "null", `"eth*"`, `{"links":"!lo"}`, "7", "-7", "9223372036854775807", "9223372036854775808", " 7\n", `"\u001b[2J"`} {
		f.Add("1.json", []byte(content))
	}
	root := f.TempDir()
	q, err := OpenQueue(root, slog.New(slog.DiscardHandler))
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, q.Close()) })
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
			return // no name of a file
		}
		require.NoError(t, os.RemoveAll(filepath.Join(root, hooksDir)))
		hooks, err := OpenHooks(root)
		require.NoError(t, err)
		require.NoError(t, makeDirs(root, leasesDir))
		for _, planted := range []string{resultsDir + "/" + name, hooksDir + "/" + targetsFile, leasesDir + "/.seq"} {
			require.NoError(t, os.WriteFile(filepath.Join(root, planted), content, 0o644))
		}

		require.NoError(t, hooks.ClearTemps())
		require.NoError(t, hooks.KeepResult("kept"))
		var results []string
		require.NoError(t, hooks.Results(func(raw []byte) { results = append(results, string(raw)) }))
		assert.Contains(t, results, `"kept"`)
		assert.LessOrEqual(t, len(results), 2)

		assert.False(t, hooks.TargetsSettled("!lo") && hooks.TargetsSettled("eth*"))
		require.NoError(t, hooks.SettleTargets("!lo"))
		assert.True(t, hooks.TargetsSettled("!lo"))

		var told []uint64
		for index := range 2 {
			leases, err := OpenLeaseSpool(root)
			require.NoError(t, err)
			ev := hostnet.Event{Kind: hostnet.KindLeases, Index: index + 2, Action: hostnet.ActionAdded, Generator: hostnet.GeneratorDHClient}
			told = append(told, put(t, leases, ev).Seq)
		}
		assert.Less(t, told[0], told[1])
		var drained []uint64
		for _, ev := range drainAll(t, q) {
			drained = append(drained, ev.Seq)
		}
		assert.Equal(t, told, drained)
	})
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

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// FuzzQueue has who took over the watcher put a file of any name and content into the
// spool. It is an event that is the same in name and content, or is noted as refused
// in a line that anybody may read; either way it is gone.
func FuzzQueue(f *testing.F) {
	writer, _, err := OpenSpool(f.TempDir())
	require.NoError(f, err)
	for _, ev := range []hostnet.Event{
		stateEvent(3, "carrier", "off"), linksEvent(4, hostnet.ActionAdded), levelEvent(hostnet.KindRoutes, 3, hostnet.ActionChanged),
		{Kind: hostnet.KindLinks, Index: 3, Link: "eth1", PreviousLink: "eth0", Action: hostnet.ActionRenamed},
	} {
		put, err := writer.Put(ev)
		require.NoError(f, err)
		raw, err := os.ReadFile(filepath.Join(writer.dir, entryOf(put)))
		require.NoError(f, err)
		f.Add(entryOf(put), raw)
	}
	f.Add("00000000000000000009-leases-3.json", []byte(`{"kind":"leases","ifindex":3,"seq":9,"link":"eth3","action":"added","generator":"dhclient"}`))
	f.Add("00000000000000000000-state-3.json", []byte(`{"id":"manual-1","kind":"state","ifindex":3,"property":"OperationalState","state":"routable","ByHand":true}`))
	f.Add("\x1b[2J\xff", []byte("secret"))
	root := f.TempDir()
	q, err := OpenQueue(root, slog.New(slog.DiscardHandler))
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, q.Close()) })
	spool := filepath.Join(root, eventsDir)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		if name == "" || strings.HasPrefix(name, ".") || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
			return // no name, or one that nobody looks at
		}
		require.NoError(t, os.RemoveAll(filepath.Join(root, failedDir)))
		require.NoError(t, os.WriteFile(filepath.Join(spool, name), content, 0o644))
		events := drainAll(t, q)
		left, err := visible(spool)
		require.NoError(t, err)
		assert.Empty(t, left, "it starts the service again and again")
		failures, err := Failures(root)
		require.NoError(t, err)
		assert.Equal(t, 1, len(events)+len(failures))
		for _, ev := range events {
			assert.Equal(t, name, entryOf(ev))
			assert.NoError(t, ev.Validate())
			assert.False(t, ev.ByHand)
			assert.Empty(t, ev.Generator, "the spool of leases is another")
		}
		for _, failure := range failures {
			assert.True(t, utf8.ValidString(failure.Entry))
			assert.True(t, hostnet.PrintableText(failure.Why, maxWhy), "%q", failure.Why)
		}
	})
}

// FuzzHolder reads proc_locks(5): the holder of a file is told by a line of its own
// alone, whatever stands before it.
func FuzzHolder(f *testing.F) {
	const file = "00:18:1164"
	if own, err := os.ReadFile("/proc/locks"); err == nil {
		f.Add(string(own), uint32(812))
	}
	for _, text := range []string{
		"1: FLOCK  ADVISORY  WRITE 812 00:18:1164 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 813 00:18:1164 0 EOF\n",
		"1: POSIX  ADVISORY  READ 812 00:18:1164 0 EOF\n", "1: OFDLCK ADVISORY  WRITE -1 08:01:2 0 0\n", "1: FLOCK  MSNFS  WRITE 9 " + file + " 0 EOF", "",
	} {
		f.Add(text, uint32(1))
	}
	f.Fuzz(func(t *testing.T, text string, pid uint32) {
		h := holderOf(text, file)
		assert.True(t, h.Known)
		assert.GreaterOrEqual(t, h.PID, 0)
		if !strings.Contains(text, file) {
			assert.False(t, h.Held)
		}
		if !h.Held {
			again := holderOf(text+fmt.Sprintf("\n9: FLOCK  ADVISORY  WRITE %d %s 0 EOF\n", pid, file), file)
			assert.Equal(t, Holder{Known: true, Held: true, PID: int(pid)}, again)
			assert.False(t, holderOf(text+fmt.Sprintf("\n9: -> FLOCK  ADVISORY  WRITE %d %s 0 EOF\n", pid, file), file).Held, "it waits")
		}
	})
}
