package subcmd

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// TestNumbersGrowThoughUnsaved: watchers that were killed one after the other, each
// after its event was spooled, and even handled, and before it saved a record of
// it, give no number twice.
func TestNumbersGrowThoughUnsaved(t *testing.T) {
	root := filepath.Join(t.TempDir(), "state")
	d := &daemonRun{global: global{stateDir: root}, log: slog.New(slog.DiscardHandler), dispatch: dispatchUnits}
	ev := hostnet.Event{Kind: hostnet.KindState, Index: 2, Link: "eth0", Property: hostnet.OperationalState, State: "carrier"}
	last := uint64(0)
	for range 3 {
		s, err := d.open()
		require.NoError(t, err)
		put, err := s.sink.Put(ev)
		require.NoError(t, err)
		assert.Greater(t, put.Seq, last)
		last = put.Seq
		handled, err := filepath.Glob(filepath.Join(root, "events", "*"))
		require.NoError(t, err)
		require.Len(t, handled, 1)
		require.NoError(t, os.Remove(handled[0]))
		s.close()
	}
}
