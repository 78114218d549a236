package state

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

func openQueue(t *testing.T, root string) *Queue {
	t.Helper()
	q, err := OpenQueue(root, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.Close()) })
	return q
}

// drainAll lists and reads everything, as a drain does.
func drainAll(t *testing.T, q *Queue) []hostnet.Event {
	t.Helper()
	pending, err := q.List()
	require.NoError(t, err)
	var events []hostnet.Event
	for _, p := range pending {
		if ev, err := q.Read(p); err == nil {
			events = append(events, ev)
			require.NoError(t, q.Done(p.Name))
		}
	}
	return events
}

func TestQueueReadsWhatTheSpoolWrote(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	want := []hostnet.Event{put(t, s, stateEvent(3, "carrier", "off")), put(t, s, linksEvent(4, hostnet.ActionAdded))}
	q := openQueue(t, root)
	got := drainAll(t, q)
	require.Len(t, got, 2)
	for i := range got {
		assert.True(t, want[i].Time.Equal(got[i].Time))
		assert.Equal(t, want[i].ID, got[i].ID)
	}
	assert.Empty(t, eventFiles(t, root))
	assert.NoError(t, q.Done("events/gone already"))
}

func TestQueueRefusesWhatIsNoEvent(t *testing.T) {
	const name = "00000000000000000009-state-3.json"
	good, err := json.Marshal(hostnet.Event{Seq: 9, Kind: hostnet.KindState, Index: 3, Property: hostnet.OperationalState, State: "routable"})
	require.NoError(t, err)
	write := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		}
	}
	tests := []struct {
		name  string
		plant func(t *testing.T, dir string)
		why   string
	}{
		{"no name of the spool", write("routable", string(good)), "not a name of the spool"},
		{"another spelling of a number", write("9-state-3.json", string(good)), "not a name of the spool"},
		{"name that is not UTF-8", write("\xff\n", "x"), "not a name of the spool"},
		{"not JSON", write(name, "routable"), "parsing event"},
		{"empty", write(name, ""), "parsing event"},
		{"oversized", write(name, strings.Repeat(" ", maxFile)+string(good)), "larger than"},
		{"unknown state", write(name, strings.Replace(string(good), "routable", "../../evil", 1)), "is not one of"},
		{"unknown kind", write(name, strings.Replace(string(good), `"state","ifindex`, `"stat","ifindex`, 1)), "unknown"},
		{"another link than the name says", write("00000000000000000009-state-4.json", string(good)), "content and name differ"},
		{"another number than the name says", write("00000000000000000008-state-3.json", string(good)), "content and name differ"},
		{"another kind than the name says", write("00000000000000000009-links-3.json", string(good)), "content and name differ"},
		{"symbolic link", func(t *testing.T, dir string) {
			target := filepath.Join(t.TempDir(), "event")
			write("event", string(good))(t, filepath.Dir(target))
			require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
		}, "a symbolic link"},
		{"fifo", func(t *testing.T, dir string) { require.NoError(t, unix.Mkfifo(filepath.Join(dir, name), 0o644)) }, "not a regular file"},
		{"socket", func(t *testing.T, dir string) {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			defer unix.Close(fd)
			t.Chdir(dir) // a socket's path is short
			require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
		}, "not a regular file"},
		{"directory", func(t *testing.T, dir string) {
			keep := filepath.Join(t.TempDir(), "keep")
			require.NoError(t, os.WriteFile(keep, nil, 0o644))
			t.Cleanup(func() { assert.FileExists(t, keep, "removed through a planted link") })
			require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "a", "b"), 0o755))
			require.NoError(t, os.Symlink(filepath.Dir(keep), filepath.Join(dir, name, "a", "link")))
		}, "not a regular file"},
		{"another owner", func(t *testing.T, dir string) {
			if os.Geteuid() != 0 {
				t.Skip("giving a file away takes root")
			}
			write(name, string(good))(t, dir)
			require.NoError(t, os.Chown(filepath.Join(dir, name), 65534, 65534))
		}, "owned by uid 65534"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			s, _ := openSpool(t, root)
			tt.plant(t, filepath.Join(root, eventsDir))
			peeked := waiting(t, root)
			assert.Empty(t, peeked, "what looks on takes it for an event")
			honest := put(t, s, stateEvent(5, "carrier", "off"))

			var log bytes.Buffer
			q, err := OpenQueue(root, slog.New(slog.NewTextHandler(&log, nil)))
			require.NoError(t, err)
			defer q.Close()
			events := drainAll(t, q)
			require.Len(t, events, 1)
			assert.Equal(t, honest.ID, events[0].ID)
			assert.Equal(t, 1, strings.Count(log.String(), "\n"), "told once: %s", &log)
			assert.Contains(t, log.String(), tt.why)
			assert.Empty(t, eventFiles(t, root), "left behind it starts the service again and again")
			failures, err := Failures(root)
			require.NoError(t, err)
			require.Len(t, failures, 1)
			assert.Contains(t, failures[0].Why, tt.why)
			assert.NotEmpty(t, failures[0].Entry)
		})
	}
}

func TestQueueTakesTheWatchersEvents(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving a directory away takes root")
	}
	root := t.TempDir()
	s, _ := openSpool(t, root)
	ev := put(t, s, stateEvent(3, "carrier", "off"))
	require.NoError(t, os.Chown(filepath.Join(root, eventsDir), 65534, 65534))
	require.NoError(t, os.Chown(filepath.Join(root, eventsDir, entryOf(ev)), 65534, 65534))
	assert.Len(t, drainAll(t, openQueue(t, root)), 1)
}

func TestQueueKeepsAnEntryThatCannotBeReadNow(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	put(t, s, stateEvent(3, "carrier", "off"))
	q := openQueue(t, root)
	pending, err := q.List()
	require.NoError(t, err)

	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	none := before
	none.Cur = 1
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	_, err = q.Read(pending[0])
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	require.ErrorIs(t, err, unix.EMFILE)
	assert.Len(t, drainAll(t, q), 1)
}

func TestOpenQueueWantsItsDirectoriesSafe(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, root string)
	}{
		{"spool writable by others", func(t *testing.T, root string) { require.NoError(t, os.Chmod(filepath.Join(root, eventsDir), 0o777)) }},
		{"spool writable by its group", func(t *testing.T, root string) { require.NoError(t, os.Chmod(filepath.Join(root, eventsDir), 0o775)) }},
		{"state directory writable by others", func(t *testing.T, root string) { require.NoError(t, os.Chmod(root, 0o777)) }},
		{"spool a symbolic link", func(t *testing.T, root string) {
			require.NoError(t, os.Remove(filepath.Join(root, eventsDir)))
			require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(root, eventsDir)))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			openSpool(t, root)
			tt.change(t, root)
			_, err := OpenQueue(root, slog.New(slog.DiscardHandler))
			assert.ErrorContains(t, err, "opening spool: ")
		})
	}
}

func TestWait(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	q := openQueue(t, root)
	more, err := q.Wait(t.Context(), time.Nanosecond)
	require.NoError(t, err)
	assert.False(t, more)

	// What came between a look and the wait is not slept through, and our own
	// removals and the writer's temporaries are no news.
	ev := put(t, s, stateEvent(3, "carrier", "off"))
	more, err = q.Wait(t.Context(), time.Hour)
	require.NoError(t, err)
	assert.True(t, more)
	require.NoError(t, q.Done("events/"+entryOf(ev)))
	go func() { _, _ = s.Put(stateEvent(3, "routable", "carrier")) }()
	more, err = q.Wait(t.Context(), time.Hour)
	require.NoError(t, err)
	assert.True(t, more)
	assert.Len(t, drainAll(t, q), 1)

	_, err = q.Wait(cancelled(t), time.Hour)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestMergedEntryIsNotThere(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	put(t, s, levelEvent(hostnet.KindRoutes, 3, hostnet.ActionAdded))
	q := openQueue(t, root)
	pending, err := q.List()
	require.NoError(t, err)
	put(t, s, levelEvent(hostnet.KindRoutes, 3, hostnet.ActionAdded))
	_, err = q.Read(pending[0])
	assert.ErrorIs(t, err, fs.ErrNotExist)
	events := drainAll(t, q)
	require.Len(t, events, 1)
	assert.Equal(t, 1, events[0].Coalesced)
	failures, err := Failures(root)
	require.NoError(t, err)
	assert.Empty(t, failures)
}

// writerVar makes the test binary a writer that spools until it is killed.
const (
	writerVar = "NETBRK_TEST_SPOOL"
	resumeVar = "NETBRK_TEST_RESUME"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(writerVar); root != "" {
		spoolForever(root)
	}
	os.Exit(m.Run())
}

// spoolForever writes transitions of link 3, with levels in between, and tells
// each transition's number once Put returned.
func spoolForever(root string) {
	s, _, err := OpenSpool(root)
	if last, perr := strconv.ParseUint(os.Getenv(resumeVar), 10, 64); perr == nil && err == nil {
		s.Resume(last) // as the watcher does from its records
	}
	for i := 0; err == nil; i++ {
		ev := stateEvent(3, []string{"carrier", "routable"}[i%2], "")
		if ev, err = s.Put(ev); err == nil {
			fmt.Println(ev.Seq)
			_, err = s.Put(levelEvent(hostnet.KindRoutes, 3, hostnet.ActionChanged))
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledWriterLosesNothing kills a real writer again and again, at moments
// that the seed decides, and counts what it said it had written.
func TestKilledWriterLosesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	root := t.TempDir()
	q := openQueue(t, root)
	said, delivered := map[uint64]bool{}, map[uint64]bool{}
	merged, last := 0, uint64(0)
	for range 12 {
		for _, seq := range killWriterAfter(t, root, last, 1+random.IntN(100)) {
			assert.False(t, said[seq], "number %d was given twice", seq)
			said[seq], last = true, max(last, seq)
		}
		for _, ev := range drainAll(t, q) {
			if ev.Kind == hostnet.KindState {
				delivered[ev.Seq] = true
				merged += ev.Coalesced
			}
		}
	}
	missing := 0
	for seq := range said {
		if !delivered[seq] {
			missing++
		}
	}
	assert.LessOrEqual(t, missing, merged, "lost, and not merged into another")
	failures, err := Failures(root)
	require.NoError(t, err)
	assert.Empty(t, failures, "a reader met a part of an event")
	openSpool(t, root)
	assert.Empty(t, eventFiles(t, root))
}

// killWriterAfter starts a writer, kills it after it said that many numbers,
// and returns all that it said.
func killWriterAfter(t *testing.T, root string, last uint64, lines int) []uint64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerVar+"="+root, resumeVar+"="+strconv.FormatUint(last, 10))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var seqs []uint64
	dec := json.NewDecoder(out)
	for {
		var seq uint64
		if err := dec.Decode(&seq); err != nil {
			break
		}
		seqs = append(seqs, seq)
		if len(seqs) == lines {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	_, _ = io.Copy(io.Discard, out)
	assert.Error(t, cmd.Wait())
	assert.GreaterOrEqual(t, len(seqs), lines, "the writer ended by itself")
	return seqs
}
