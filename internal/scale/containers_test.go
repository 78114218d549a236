package scale_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
	"github.com/netbrk/netbrk/internal/netnstest"
)

const containers = 1000

// TestContainers has so many containers start at once, each with a pair of veth links
// of which one end goes into it, and vanish.
func TestContainers(t *testing.T) {
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"up0\"\n")
	far := netnstest.New(t)
	w := h.start(t, "watch", "--dispatch=units", "--print")
	hosttest.Wait(t, "the first pass", func() bool { return strings.Contains(w.printed(), `"kind":"rules"`) })
	w.rest(t)
	before := w.memory(t, "RssAnon")
	t.Logf("the watcher before: %.2f MiB anonymous, %.1f resident", before, w.memory(t, "VmRSS"))

	var start, inside, end strings.Builder
	for i := range containers {
		fmt.Fprintf(&start, "link add veth%d type veth peer name c%d\nlink set c%d netns %s\nlink set veth%d up\n", i, i, i, far.Path(), i)
		fmt.Fprintf(&inside, "link set c%d up\naddress add 10.%d.%d.2/24 dev c%d\n", i, i/250, i%250, i)
		fmt.Fprintf(&end, "link delete veth%d\n", i)
	}
	at, cpu := time.Now(), w.cpu(t)
	h.IPBatch(t, start.String())
	far.IPBatch(t, inside.String())
	made := time.Since(at)
	hosttest.Wait(t, "every link degraded", func() bool {
		return strings.Count(w.printed(), `"state":"degraded"`) >= containers
	})
	heard := time.Since(at)
	w.rest(t)
	files, bytes := h.spooled(t)
	t.Logf("%d containers made in %.1f s; all known after %.1f s, for %.2f s of the watcher's CPU", containers, made.Seconds(), heard.Seconds(), (w.cpu(t) - cpu).Seconds())
	t.Logf("spool: %d files, %d KiB; by kind: %v", files, bytes>>10, kinds(w.printed()))
	after := w.memory(t, "RssAnon")
	t.Logf("the watcher after: %.2f MiB anonymous, %.1f resident, %.1f at the peak: %.2f KiB a link",
		after, w.memory(t, "VmRSS"), w.memory(t, "VmHWM"), (after-before)*1024/containers)
	t.Logf("records: %d files; %d descriptors; stock taken anew %d times", len(h.list(t, "links")), w.descriptors(t), strings.Count(h.log(), "taking stock"))

	for _, e := range h.list(t, "rules-pending") {
		assert.Equal(t, "0", e.Name(), "no link has rules but up0, which is not there")
	}
	t.Logf("run-hooks without a script: %v", h.run(t, "run-hooks"))
	files, _ = h.spooled(t)
	assert.Zero(t, files)

	// The end, with a script for each.
	runs := filepath.Join(h.Dir, "runs")
	script := filepath.Join(h.Dir, "hooks/links.d/10-log")
	require.NoError(t, os.MkdirAll(filepath.Dir(script), 0o755))
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho \"$ACTION $LINK\" >>"+runs+"\n"), 0o755))
	at, cpu = time.Now(), w.cpu(t)
	h.IPBatch(t, end.String())
	hosttest.Wait(t, "every link gone", func() bool {
		return strings.Count(w.printed(), `"action":"removed"`) >= containers
	})
	heard = time.Since(at)
	w.rest(t)
	t.Logf("all vanished, known after %.1f s, for %.2f s of the watcher's CPU; %.2f MiB anonymous", heard.Seconds(), (w.cpu(t) - cpu).Seconds(), w.memory(t, "RssAnon"))
	t.Logf("run-hooks with a script for each: %v", h.run(t, "run-hooks"))
	raw, err := os.ReadFile(runs)
	require.NoError(t, err)
	assert.Equal(t, containers, strings.Count(string(raw), "removed veth"), "each once")
	assert.Equal(t, containers, strings.Count(string(raw), "\n"))
}

func (h *host) list(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(h.State, dir))
	require.NoError(t, err)
	return entries
}

// spooled counts what waits.
func (h *host) spooled(t *testing.T) (files int, bytes int64) {
	t.Helper()
	for _, e := range h.list(t, "events") {
		info, err := e.Info()
		require.NoError(t, err)
		files, bytes = files+1, bytes+info.Size()
	}
	return files, bytes
}

// kinds counts printed events.
func kinds(printed string) map[string]int {
	counts := map[string]int{}
	for line := range strings.Lines(printed) {
		for _, kind := range []string{"state", "links", "addresses", "routes", "rules"} {
			if strings.Contains(line, `"kind":"`+kind+`"`) {
				counts[kind]++
			}
		}
	}
	return counts
}
