package state

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/report"
)

// watchState watches root until the test ends. The channel has a value once
// something changed.
func watchState(t *testing.T, root string) <-chan struct{} {
	t.Helper()
	changed := make(chan struct{}, 1)
	stop, err := WatchState(t.Context(), root, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop()) })
	return changed
}

func await(t *testing.T, changed <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told of " + what)
	}
}

func TestWatchState(t *testing.T) {
	root := filepath.Join(t.TempDir(), "state")
	changed := watchState(t, root)
	// The directory comes later, and what is in it later still.
	require.NoError(t, os.Mkdir(root, 0o755))
	await(t, changed, root)
	rules, err := OpenRules(root)
	require.NoError(t, err)
	await(t, changed, rulesDir)
	for index := range 3 {
		require.Eventually(t, func() bool {
			require.NoError(t, rules.Save(report.LinkRules{Index: index, Changed: time.Now()}))
			select {
			case <-changed:
				return true
			default:
				return false
			}
		}, 10*time.Second, 10*time.Millisecond)
	}
}

// TestWatchStateOfWhatWaits: whatever Backlogs counts is followed.
func TestWatchStateOfWhatWaits(t *testing.T) {
	root := t.TempDir()
	backlogs, err := Backlogs(root)
	require.NoError(t, err)
	for _, b := range backlogs {
		require.NoError(t, makeDirs(root, b.Name))
	}
	changed := watchState(t, root)
	for _, b := range backlogs {
		require.NoError(t, putPending(filepath.Join(root, b.Name), 7))
		await(t, changed, b.Name)
	}
}
