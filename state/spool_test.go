package state

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// stateEvent is a transition of an operational or administrative state.
func stateEvent(index int, st, previous string) hostnet.Event {
	p, _ := hostnet.PropertyOf(st)
	return hostnet.Event{Kind: hostnet.KindState, Index: index, Link: "eth0", Property: p, State: st, Previous: previous}
}

func levelEvent(kind hostnet.Kind, index int, action hostnet.Action) hostnet.Event {
	return hostnet.Event{Kind: kind, Index: index, Action: action}
}

func openSpool(t *testing.T, root string) (*Spool, []hostnet.Event) {
	t.Helper()
	s, pending, err := OpenSpool(root)
	require.NoError(t, err)
	return s, pending
}

func put(t *testing.T, s *Spool, ev hostnet.Event) hostnet.Event {
	t.Helper()
	ev, err := s.Put(ev)
	require.NoError(t, err)
	return ev
}

// waiting reads the spool as its reader does.
func waiting(t *testing.T, root string) []hostnet.Event {
	t.Helper()
	events, err := PeekQueue(root)
	require.NoError(t, err)
	return events
}

func entryOf(ev hostnet.Event) string {
	return entry{seq: ev.Seq, kind: ev.Kind, index: ev.Index}.name()
}

func eventFiles(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, eventsDir))
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPutKeepsTransitionsInOrder(t *testing.T) {
	root := t.TempDir()
	s, pending := openSpool(t, root)
	assert.Empty(t, pending)
	empty, err := QueueEmpty(root)
	require.NoError(t, err)
	assert.True(t, empty)

	want := []hostnet.Event{
		put(t, s, stateEvent(3, "carrier", "no-carrier")),
		put(t, s, stateEvent(7, "degraded", "carrier")),
		put(t, s, stateEvent(3, "routable", "carrier")),
		put(t, s, stateEvent(3, "configured", "configuring")),
	}
	assert.Equal(t, want, waiting(t, root))
	ids := map[string]bool{}
	for i, ev := range want {
		assert.Equal(t, uint64(i+1), ev.Seq)
		ids[ev.ID] = true
	}
	assert.Len(t, ids, len(want))
	empty, err = QueueEmpty(root)
	require.NoError(t, err)
	assert.False(t, empty)
}

func TestPutMergesLevels(t *testing.T) {
	tests := []struct {
		name       string
		first, add hostnet.Event
		want       hostnet.Event
	}{{
		name:  "two of the same",
		first: hostnet.Event{Kind: hostnet.KindAddresses, Index: 3, Action: hostnet.ActionAdded, Address: "192.0.2.1/24"},
		add:   hostnet.Event{Kind: hostnet.KindAddresses, Index: 3, Action: hostnet.ActionAdded, Address: "192.0.2.1/24"},
		want:  hostnet.Event{Kind: hostnet.KindAddresses, Index: 3, Action: hostnet.ActionAdded, Address: "192.0.2.1/24", Coalesced: 1},
	}, {
		name:  "two addresses are no single one",
		first: hostnet.Event{Kind: hostnet.KindAddresses, Index: 3, Action: hostnet.ActionAdded, Address: "192.0.2.1/24"},
		add:   hostnet.Event{Kind: hostnet.KindAddresses, Index: 3, Action: hostnet.ActionAdded, Address: "192.0.2.2/24"},
		want:  hostnet.Event{Kind: hostnet.KindAddresses, Index: 3, Action: hostnet.ActionAdded, Coalesced: 1},
	}, {
		name:  "added and removed",
		first: hostnet.Event{Kind: hostnet.KindRoutes, Index: 3, Action: hostnet.ActionAdded, Route: "default"},
		add:   hostnet.Event{Kind: hostnet.KindRoutes, Index: 3, Action: hostnet.ActionRemoved, Route: "default"},
		want:  hostnet.Event{Kind: hostnet.KindRoutes, Index: 3, Action: hostnet.ActionChanged, Route: "default", Coalesced: 1},
	}, {
		name:  "a lease that differs and ends",
		first: hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Action: hostnet.ActionChanged, Address: "192.0.2.1/24"},
		add:   hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Action: hostnet.ActionRemoved, Address: "192.0.2.2/24"},
		want:  hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Action: hostnet.ActionRemoved, Address: "192.0.2.2/24", Coalesced: 1},
	}, {
		name:  "a lease that ends and comes back",
		first: hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Action: hostnet.ActionRemoved, Address: "192.0.2.1/24"},
		add:   hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Action: hostnet.ActionAdded, Address: "192.0.2.2/24"},
		want:  hostnet.Event{Kind: hostnet.KindLeases, Index: 3, Action: hostnet.ActionChanged, Address: "192.0.2.2/24", Coalesced: 1},
	}, {
		name:  "rules of the host",
		first: levelEvent(hostnet.KindRules, 0, hostnet.ActionAdded),
		add:   levelEvent(hostnet.KindRules, 0, hostnet.ActionAdded),
		want:  hostnet.Event{Kind: hostnet.KindRules, Action: hostnet.ActionAdded, Coalesced: 1},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			s, _ := openSpool(t, root)
			put(t, s, tt.first)
			second := put(t, s, tt.add)
			tt.want.Seq, tt.want.ID = 2, second.ID
			assert.Equal(t, []hostnet.Event{tt.want}, waiting(t, root))
			assert.Equal(t, tt.want, second)

			// What was handled is not merged, and neither is another link's.
			require.NoError(t, os.Remove(filepath.Join(root, eventsDir, entryOf(second))))
			third := put(t, s, tt.add)
			assert.Zero(t, third.Coalesced)
			if tt.add.Index != 0 {
				other := tt.add
				other.Index = 9
				assert.Zero(t, put(t, s, other).Coalesced)
			}
		})
	}
}

func TestTransitionsOfALinkAreBounded(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	// One administrative transition must not get lost among the others.
	put(t, s, stateEvent(3, "configuring", "initialized"))
	put(t, s, stateEvent(3, "configured", "configuring"))
	const flaps = 500
	previous := "routable"
	for i := range flaps {
		next := []string{"no-carrier", "routable"}[i%2]
		put(t, s, stateEvent(3, next, previous))
		previous = next
	}
	other := put(t, s, stateEvent(4, "carrier", "off"))

	events := waiting(t, root)
	require.Len(t, events, maxEdges+1)
	assert.Equal(t, other, events[maxEdges])
	told := 0
	last := map[hostnet.Property]hostnet.Event{}
	for _, ev := range events[:maxEdges] {
		if before, ok := last[ev.Property]; ok {
			assert.Equal(t, before.State, ev.Previous, "event %d follows on %d", ev.Seq, before.Seq)
		}
		last[ev.Property] = ev
		told += 1 + ev.Coalesced
	}
	assert.Equal(t, flaps+2, told, "every transition is told, by itself or as a count")
	assert.Equal(t, "configured", last[hostnet.AdministrativeState].State)
	assert.Equal(t, "routable", last[hostnet.OperationalState].State)
}

// A link that is renamed, or a manager that changes, without end is bounded too.
func TestOtherEdgesAreBounded(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	put(t, s, linksEvent(3, hostnet.ActionAdded))
	for i := range 300 {
		ev := linksEvent(3, hostnet.ActionRenamed)
		ev.Link, ev.PreviousLink = fmt.Sprintf("n%d", i+1), fmt.Sprintf("n%d", i)
		put(t, s, ev)
		put(t, s, hostnet.Event{Kind: hostnet.KindManager, Property: hostnet.OperationalState, State: []string{"carrier", "routable"}[i%2]})
	}
	renames, manager := 0, 0
	name := "n0"
	for _, ev := range waiting(t, root) {
		switch {
		case ev.Kind == hostnet.KindManager:
			manager++
		case ev.Action == hostnet.ActionRenamed:
			renames++
			assert.Equal(t, name, ev.PreviousLink, "each rename begins where the one before it ended")
			name = ev.Link
		}
	}
	assert.Equal(t, maxEdges, renames)
	assert.Equal(t, maxEdges, manager)
	assert.Equal(t, "n300", name)
}

func TestTransitionsThatWereHandledMakeRoom(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	for range maxEdges {
		ev := put(t, s, stateEvent(3, "carrier", "off"))
		require.NoError(t, os.Remove(filepath.Join(root, eventsDir, entryOf(ev))))
	}
	put(t, s, stateEvent(3, "routable", "carrier"))
	events := waiting(t, root)
	require.Len(t, events, 1)
	assert.Zero(t, events[0].Coalesced)
}

func linksEvent(index int, action hostnet.Action) hostnet.Event {
	return hostnet.Event{Kind: hostnet.KindLinks, Index: index, Link: "veth1", Action: action}
}

func TestLinkThatCameAndWentUnseenLeavesNothing(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	put(t, s, linksEvent(3, hostnet.ActionAdded))
	put(t, s, stateEvent(3, "carrier", "off"))
	put(t, s, levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded))
	host := put(t, s, levelEvent(hostnet.KindRules, 0, hostnet.ActionAdded))
	other := put(t, s, linksEvent(4, hostnet.ActionAdded))
	put(t, s, linksEvent(3, hostnet.ActionRemoved))
	assert.Equal(t, []hostnet.Event{host, other}, waiting(t, root))
	assert.Empty(t, s.edges)
	assert.Len(t, s.levels, 1)
}

func TestRemovalOfALinkThatHooksSawIsTold(t *testing.T) {
	tests := []struct {
		name string
		see  func(t *testing.T, root string, added hostnet.Event)
		left int // events from before
	}{{
		name: "its addition was handled",
		see: func(t *testing.T, root string, added hostnet.Event) {
			require.NoError(t, os.Remove(filepath.Join(root, eventsDir, entryOf(added))))
		},
		left: 1,
	}, {
		name: "a hook for its addition is running",
		see: func(t *testing.T, root string, _ hostnet.Event) {
			h, err := OpenHooks(root)
			require.NoError(t, err)
			require.NoError(t, h.Saw(3, "veth1"))
		},
		left: 2,
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			s, _ := openSpool(t, root)
			added := put(t, s, linksEvent(3, hostnet.ActionAdded))
			assert.True(t, Waits(root, added))
			put(t, s, levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded))
			tt.see(t, root, added)
			removed := put(t, s, linksEvent(3, hostnet.ActionRemoved))
			events := waiting(t, root)
			require.Len(t, events, tt.left+1)
			assert.Equal(t, removed, events[tt.left])
			assert.Empty(t, s.levels, "nothing is kept of a link that is gone")
			assert.Empty(t, s.added)
		})
	}
}

func TestReopenedSpoolGoesOn(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	one := put(t, s, stateEvent(3, "carrier", "off"))
	two := put(t, s, levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded))
	again, pending := openSpool(t, root)
	assert.Equal(t, []hostnet.Event{one, two}, pending)
	assert.Equal(t, uint64(2), again.Seq())

	three := put(t, again, levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded))
	assert.Equal(t, uint64(3), three.Seq)
	assert.Equal(t, 1, three.Coalesced, "levels merge across a restart")
	assert.Equal(t, []hostnet.Event{one, three}, waiting(t, root))

	again.Resume(100)
	again.Resume(50)
	assert.Equal(t, uint64(101), put(t, again, stateEvent(3, "routable", "carrier")).Seq)
}

// TestReopenedSpoolAfterARemoval: a link that went to another namespace and came back
// has its ifindex again. What is told of it then is no second word on what was told
// before it went.
func TestReopenedSpoolAfterARemoval(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	require.NoError(t, openHooks(t, root).Saw(3, "veth1"))
	want := []hostnet.Event{
		put(t, s, levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded)),
		put(t, s, linksEvent(3, hostnet.ActionRemoved)),
	}
	again, pending := openSpool(t, root)
	assert.Equal(t, want, pending)
	want = append(want,
		put(t, again, linksEvent(3, hostnet.ActionAdded)),
		put(t, again, levelEvent(hostnet.KindAddresses, 3, hostnet.ActionAdded)))
	assert.Equal(t, want, waiting(t, root), "the first address is merged into the second")
	_, pending = openSpool(t, root)
	assert.Equal(t, want, pending, "the first address is taken for one that was merged")
}

// TestWriterKilledInBetween builds what a writer leaves that was killed after
// one of its steps.
func TestWriterKilledInBetween(t *testing.T) {
	t.Run("temporary file left", func(t *testing.T) {
		root := t.TempDir()
		s, _ := openSpool(t, root)
		ev := put(t, s, stateEvent(3, "carrier", "off"))
		half := filepath.Join(root, eventsDir, "."+entry{ev.Seq + 1, hostnet.KindState, 3}.name()+".tmp")
		require.NoError(t, os.WriteFile(half, []byte(`{"id":`), 0o644))
		assert.Equal(t, []hostnet.Event{ev}, waiting(t, root))

		_, pending := openSpool(t, root)
		assert.Equal(t, []hostnet.Event{ev}, pending)
		assert.Equal(t, []string{entryOf(ev)}, eventFiles(t, root))
	})
	t.Run("merged event written, its source not removed", func(t *testing.T) {
		root := t.TempDir()
		s, _ := openSpool(t, root)
		first := put(t, s, levelEvent(hostnet.KindRoutes, 3, hostnet.ActionAdded))
		raw, err := os.ReadFile(filepath.Join(root, eventsDir, entryOf(first)))
		require.NoError(t, err)
		second := put(t, s, levelEvent(hostnet.KindRoutes, 3, hostnet.ActionAdded))
		require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, entryOf(first)), raw, 0o644))

		_, pending := openSpool(t, root)
		assert.Equal(t, []hostnet.Event{second}, pending)
		assert.Equal(t, []string{entryOf(second)}, eventFiles(t, root))
	})
	t.Run("transition merged, its source not removed", func(t *testing.T) {
		root := t.TempDir()
		s, _ := openSpool(t, root)
		var all []hostnet.Event
		for range maxEdges {
			all = append(all, put(t, s, stateEvent(3, "carrier", "off")))
		}
		raw, err := os.ReadFile(filepath.Join(root, eventsDir, entryOf(all[1])))
		require.NoError(t, err)
		put(t, s, stateEvent(3, "routable", "carrier"))
		require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, entryOf(all[1])), raw, 0o644))

		again, pending := openSpool(t, root)
		assert.Len(t, pending, maxEdges+1, "delivered twice rather than never")
		put(t, again, stateEvent(3, "off", "routable"))
		assert.LessOrEqual(t, len(waiting(t, root)), maxEdges+1)
	})
}

func TestUnreadableEntryIsLeftToTheReader(t *testing.T) {
	root := t.TempDir()
	openSpool(t, root)
	name := entry{7, hostnet.KindState, 3}.name()
	require.NoError(t, os.WriteFile(filepath.Join(root, eventsDir, name), []byte("no event"), 0o644))
	s, pending := openSpool(t, root)
	assert.Empty(t, pending)
	assert.Equal(t, []string{name}, eventFiles(t, root))
	assert.Equal(t, uint64(8), put(t, s, stateEvent(3, "carrier", "off")).Seq, "its number is not given again")
}

func TestPutFailsWithoutASpool(t *testing.T) {
	root := t.TempDir()
	s, _ := openSpool(t, root)
	require.NoError(t, os.RemoveAll(filepath.Join(root, eventsDir)))
	_, err := s.Put(stateEvent(3, "carrier", "off"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, fmt.Sprintf("writing %q", filepath.Join(root, eventsDir, entry{1, hostnet.KindState, 3}.name())))
}
