package faulttest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wrongRules compares netbrk's rules with the addresses, both as ip(8) tells
// them, and returns how they differ.
func (h *host) wrongRules(t *testing.T) string {
	t.Helper()
	return h.wrongRulesOf(t, "-4") + h.wrongRulesOf(t, "-6")
}

func (h *host) wrongRulesOf(t *testing.T, family string) string {
	t.Helper()
	var want []string
	for i := range flapLinks {
		link := fmt.Sprintf("flap%d", i)
		table := baseTable + h.index(t, link)
		for _, line := range h.IPLines(t, "-o "+family+" address show dev "+link+" scope global") {
			address, _, _ := strings.Cut(strings.Fields(line)[3], "/")
			want = append(want,
				fmt.Sprintf("%d: from %s lookup %d suppress_prefixlength 0 proto 110", rulePriority, address, table),
				fmt.Sprintf("%d: from %s lookup %d proto 110", rulePriority+2, address, table),
				fmt.Sprintf("%d: from all to %s lookup %d proto 110", rulePriority+3, address, table))
		}
	}
	if len(want) == 0 {
		return "no address, " + family
	}
	want = append(want, fmt.Sprintf("%d: from all lookup 254 suppress_prefixlength 0 proto 110", rulePriority+1))
	var have []string
	for _, line := range h.IPLines(t, "-N "+family+" rule") {
		if strings.HasSuffix(line, "proto 110") {
			have = append(have, line)
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if slices.Equal(want, have) {
		return ""
	}
	return fmt.Sprintf("want:\n%s\nhave:\n%s\n", strings.Join(want, "\n"), strings.Join(have, "\n"))
}

// levelDirs are directories of the state in which nothing may wait once all is done.
func levelDirs() []string {
	return []string{"events/", "lease-events/", "rules-pending/", "leases-pending/", "cloud-pending/", "hooks/json/", "failed/"}
}

// noneLeftOver looks for files that nobody will ever remove, once each oneshot
// has had one more run, as its unit would have.
func (h *host) noneLeftOver(t *testing.T) {
	t.Helper()
	for _, verb := range [][]string{{"run-hooks"}, {"apply-rules", "--pending"}} {
		_, stderr, status := h.run(t, verb...)
		require.Zero(t, status, stderr)
	}
	h.noTemporaries(t, "at the end")
	links, names := map[string]bool{"0": true}, map[string]bool{}
	for _, line := range h.IPLines(t, "-o link") {
		f := strings.Split(line, ": ")
		name, _, _ := strings.Cut(f[1], "@")
		links[f[0]], names[name] = true, true
	}
	err := filepath.WalkDir(h.State, func(path string, e os.DirEntry, err error) error {
		require.NoError(t, err)
		name, _ := filepath.Rel(h.State, path)
		dir, base := filepath.Split(name)
		index, isDocument := strings.CutSuffix(base, ".json")
		switch {
		case e.IsDir():
		case slices.Contains(levelDirs(), dir) && !strings.HasPrefix(base, "."):
			assert.Fail(t, "a file is left over", name)
		case isDocument && slices.Contains([]string{"links/", "rules/", "cloud/links/", "hooks/links/"}, dir):
			assert.True(t, links[index], "%s is about a link that is gone", name)
		case isDocument && dir == "leases/":
			assert.True(t, names[index], "%s is about a link that is gone", name)
		}
		return nil
	})
	require.NoError(t, err)
}
