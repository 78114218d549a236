package subcmd

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/dispatcher"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/state"
)

// TestEventTakenBack: a link that vanished between the moment its event was read and
// the moment it was noted has been seen by nobody, and nothing is left of it.
func TestEventTakenBack(t *testing.T) {
	r := newTargetsRun(t)
	r.waits = func(hostnet.Event) bool { return false }
	r.event(hostnet.Event{Kind: hostnet.KindLinks, Index: r.index, Link: "va", Action: hostnet.ActionAdded})
	_, seen := r.hooks.Seen(r.index)
	assert.False(t, seen)
	assert.Empty(t, r.units.active)
}

// TestOrphansAreForgotten keeps the names of links that are there, of which an event
// waits, or of which the watcher has a record.
func TestOrphansAreForgotten(t *testing.T) {
	r := newTargetsRun(t)
	const waits, watched, orphan = 77, 78, 79
	for _, index := range []int{r.index, waits, watched, orphan} {
		require.NoError(t, r.hooks.Saw(index, "va"))
	}
	spool, _, err := state.OpenSpool(r.root)
	require.NoError(t, err)
	_, err = spool.Put(hostnet.Event{Kind: hostnet.KindLinks, Index: waits, Link: "va", Action: hostnet.ActionRemoved})
	require.NoError(t, err)
	links, err := state.OpenLinks(r.root)
	require.NoError(t, err)
	require.NoError(t, links.Save(state.LinkRecord{Index: watched}))
	queue, err := state.OpenQueue(r.root, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer queue.Close()
	require.NoError(t, r.forgetOrphans(queue))
	for index, want := range map[int]bool{r.index: true, waits: true, watched: true, orphan: false} {
		_, seen := r.hooks.Seen(index)
		assert.Equal(t, want, seen, "ifindex %d", index)
	}
}

// TestDocumentIsRemoved: none is left for others to read, even where a later one of
// the same event could not be written.
func TestDocumentIsRemoved(t *testing.T) {
	r := newTargetsRun(t)
	roots := trustedDir(t)
	r.finder, r.runner = dispatcher.Finder{Roots: []string{roots}}, dispatcher.NewRunner(time.Minute)
	require.NoError(t, os.Mkdir(filepath.Join(roots, "routable.d"), 0o755))
	for name, script := range map[string]string{
		"10-block": "mkdir -p \"$(dirname $JSON_FILE)/.$(basename $JSON_FILE).tmp/x\"",
		"20-after": "test -z \"$JSON_FILE\"",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(roots, "routable.d", name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	r.state(r.index, "routable")
	require.NoError(t, r.outcome())
	left, err := filepath.Glob(filepath.Join(r.root, "hooks", "json", "*.json"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
