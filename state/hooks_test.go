package state

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openHooks(t *testing.T, root string) *Hooks {
	t.Helper()
	h, err := OpenHooks(root)
	require.NoError(t, err)
	return h
}

func TestResultsAreARing(t *testing.T) {
	h := openHooks(t, t.TempDir())
	var group sync.WaitGroup
	for worker := range 4 { // several processes keep results at once
		group.Go(func() {
			for i := range maxResults / 2 {
				assert.NoError(t, h.KeepResult([]int{worker, i}))
			}
		})
	}
	group.Wait()
	last := map[int]int{}
	count := 0
	require.NoError(t, h.Results(func(raw []byte) {
		var r [2]int
		require.NoError(t, json.Unmarshal(raw, &r))
		if before, ok := last[r[0]]; ok {
			assert.Greater(t, r[1], before, "oldest first")
		}
		last[r[0]] = r[1]
		count++
	}))
	assert.Equal(t, maxResults, count)
}

func TestSeen(t *testing.T) {
	root := t.TempDir()
	h := openHooks(t, root)
	_, ok := h.Seen(3)
	assert.False(t, ok)
	require.NoError(t, h.Saw(3, "eth0"))
	require.NoError(t, h.Saw(3, "wan0"))
	name, ok := h.Seen(3)
	assert.True(t, ok)
	assert.Equal(t, "wan0", name)
	require.NoError(t, os.WriteFile(filepath.Join(root, seenDir, "4.json"), []byte(`"../x"`), 0o644))
	_, ok = h.Seen(4)
	assert.False(t, ok)
	require.NoError(t, h.Forget(3))
	assert.NoError(t, h.Forget(3))
	_, ok = h.Seen(3)
	assert.False(t, ok)
}

func TestUnwatched(t *testing.T) {
	root := t.TempDir()
	h := openHooks(t, root)
	links, err := OpenLinks(root)
	require.NoError(t, err)
	for _, index := range []int{3, 4, 5} {
		require.NoError(t, h.Saw(index, "eth0"))
	}
	require.NoError(t, links.Save(LinkRecord{Index: 4}))
	require.NoError(t, os.WriteFile(filepath.Join(root, seenDir, "x.json"), nil, 0o644))
	unwatched, err := h.Unwatched()
	require.NoError(t, err)
	assert.ElementsMatch(t, []int{3, 5}, unwatched)
}

func TestClearJSONKeepsWhatLives(t *testing.T) {
	root := t.TempDir()
	h := openHooks(t, root)
	live := exec.Command("sleep", "600")
	require.NoError(t, live.Start())
	t.Cleanup(func() { _ = live.Process.Kill(); _ = live.Wait() })
	dead := exec.Command("true")
	require.NoError(t, dead.Run())
	kept := filepath.Join(root, jsonDir, strconv.Itoa(live.Process.Pid)+"-1.json")
	unfinished := tempPath(filepath.Join(root, jsonDir), strconv.Itoa(live.Process.Pid)+"-2.json")
	for _, path := range []string{
		kept, unfinished,
		filepath.Join(root, jsonDir, strconv.Itoa(dead.Process.Pid)+"-1.json"),
		tempPath(filepath.Join(root, jsonDir), strconv.Itoa(dead.Process.Pid)+"-2.json"),
	} {
		require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	}
	mine, err := h.WriteJSON(7, []byte(`{"Name":"eth0"}`))
	require.NoError(t, err)
	info, err := os.Stat(mine)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	require.NoError(t, h.ClearJSON())
	left, err := filepath.Glob(filepath.Join(root, jsonDir, "*"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{kept, unfinished}, left)
	assert.NoError(t, h.RemoveJSON(mine), "it is gone already")

	// What a drain writes from now on is the next one's to delete, whoever has its
	// process ID by then.
	drained, err := h.WriteJSON(8, []byte("{}"))
	require.NoError(t, err)
	assert.FileExists(t, drained)
	require.NoError(t, os.WriteFile(tempPath(filepath.Join(root, jsonDir), drainer+"-9.json"), nil, 0o600))
	require.NoError(t, openHooks(t, root).ClearJSON())
	left, err = filepath.Glob(filepath.Join(root, jsonDir, "*"))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{kept, unfinished}, left)
}

// TestKilledWritersLeaveNothing: what a writer left that was killed before its
// rename goes with the writer's next start.
func TestKilledWritersLeaveNothing(t *testing.T) {
	root := t.TempDir()
	h := openHooks(t, root)
	require.NoError(t, h.Saw(7, "eth0"))
	_, err := OpenLinks(root)
	require.NoError(t, err)
	var unfinished []string
	for _, dir := range []string{seenDir, resultsDir, linksDir} {
		unfinished = append(unfinished, tempPath(filepath.Join(root, dir), "8.json"))
	}
	for _, path := range unfinished {
		require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	}
	require.NoError(t, h.ClearTemps())
	_, err = OpenLinks(root)
	require.NoError(t, err)
	for _, path := range unfinished {
		assert.NoFileExists(t, path)
	}
	name, ok := h.Seen(7)
	assert.True(t, ok)
	assert.Equal(t, "eth0", name)
}
