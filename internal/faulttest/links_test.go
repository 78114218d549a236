package faulttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// manyPairs are 1,000 links; a tenth in the short form.
func manyPairs() int {
	if testing.Short() {
		return 50
	}
	return 500
}

// TestManyLinks has 1,000 links appear at once, and vanish: each is told of, once.
func TestManyLinks(t *testing.T) {
	h := newHost(t, "")
	h.logHook(t, "links.d")
	w := h.watch(t)
	h.firstPass(t)
	var batch strings.Builder
	for i := range manyPairs() {
		fmt.Fprintf(&batch, "link add many%d type veth peer name much%d\n", i, i)
	}
	h.IPBatch(t, batch.String())
	h.told(t, "added")
	batch.Reset()
	for i := range manyPairs() {
		fmt.Fprintf(&batch, "link delete many%d\n", i)
	}
	h.IPBatch(t, batch.String())
	h.told(t, "removed")
	h.settle(t)
	w.end(t, h)
	h.noneLeftOver(t)
}

// told waits until each of the many links was told of once.
func (h *host) told(t *testing.T, action string) {
	t.Helper()
	counts := map[string]int{}
	eventually(t, "every link "+action, func() string {
		clear(counts)
		for _, r := range h.runs(t) {
			if r.action == action && (strings.HasPrefix(r.link, "many") || strings.HasPrefix(r.link, "much")) {
				counts[r.link]++
			}
		}
		if len(counts) == 2*manyPairs() {
			return ""
		}
		return fmt.Sprintf("%d of %d", len(counts), 2*manyPairs())
	})
	for link, n := range counts {
		require.Equal(t, 1, n, "%s %s", link, action)
	}
}

// TestLinkChangesUnderItsEvent renames one link and removes another while their
// events wait behind a script that takes its time.
func TestLinkChangesUnderItsEvent(t *testing.T) {
	h := newHost(t, "")
	h.logEdges(t)
	// It holds up the first event of each link until it is let go.
	h.write(t, "hooks/links.d/00-wait", fmt.Sprintf("#!/bin/sh\nwhile [ ! -e %s/go ]; do sleep 0.02; done\n", h.Dir), 0o755)
	w := h.watch(t)
	h.firstPass(t)
	h.IPBatch(t, "link add old0 type veth peer name old1\nlink set old0 up\nlink add gone0 type veth peer name gone1\nlink set gone0 up\n")
	renamed, gone := h.index(t, "old0"), h.index(t, "gone0")
	eventually(t, "both links' states in the spool and scripts at work", func() string {
		waiting, seen := strings.Join(h.list("events"), " "), strings.Join(h.list("hooks/links"), " ")
		for _, index := range []int{renamed, gone} {
			if !strings.Contains(waiting, fmt.Sprintf("-state-%d.json", index)) || !strings.Contains(seen, fmt.Sprintf("%d.json", index)) {
				return waiting + "; seen: " + seen
			}
		}
		return ""
	})
	h.IPBatch(t, "link set old0 name new0\nlink delete gone0\n")
	eventually(t, "the watcher to see both", func() string {
		if events := h.read("events"); !strings.Contains(events, `"previous_link":"old0"`) || !strings.Contains(events, `"action":"removed"`) {
			return "events: " + events
		}
		return ""
	})
	require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "go"), nil, 0o600))
	h.settle(t)
	w.end(t, h)

	h.delivered(t)
	states, actions := 0, []string{}
	for _, r := range h.runs(t) {
		switch {
		case r.index == renamed && r.kind != "links":
			states++ // it waited when the link was renamed
			assert.Equal(t, "new0", r.link, "the present name counts: %+v", r)
		case r.index == gone:
			assert.Equal(t, "gone0", r.link, "a link that is gone keeps its name")
			actions = append(actions, r.action)
		}
	}
	require.NotZero(t, states)
	require.NotEmpty(t, actions)
	assert.Equal(t, "removed", actions[len(actions)-1], "%v", actions)
	h.noneLeftOver(t)
}
