package subcmd

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/watch"
)

// TestNumbersGrowThoughUnsaved: a watcher that was killed after its event was
// spooled, and even handled, and before it saved a record, gives no number twice.
func TestNumbersGrowThoughUnsaved(t *testing.T) {
	root := filepath.Join(t.TempDir(), "state")
	d := &daemonRun{global: global{stateDir: root}, log: slog.New(slog.DiscardHandler), dispatch: dispatchUnits}
	ev := hostnet.Event{Kind: hostnet.KindState, Index: 2, Link: "eth0", Property: hostnet.OperationalState, State: "carrier"}

	s, err := d.open()
	require.NoError(t, err)
	require.NoError(t, s.records.Save(watch.Record{Index: 2, Name: "eth0"}))
	first, err := s.sink.Put(ev)
	require.NoError(t, err)
	handled, err := filepath.Glob(filepath.Join(root, "events", "*"))
	require.NoError(t, err)
	require.Len(t, handled, 1)
	require.NoError(t, os.Remove(handled[0]))
	s.close()

	s, err = d.open()
	require.NoError(t, err)
	defer s.close()
	second, err := s.sink.Put(ev)
	require.NoError(t, err)
	assert.Greater(t, second.Seq, first.Seq)
}
