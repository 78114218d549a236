package networkd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/bustest"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/systembus"
)

func TestQuerier(t *testing.T) {
	b := bustest.New(t, busName)
	b.Start()
	var q Querier
	t.Cleanup(q.Close)
	_, err := q.LinkStates(t.Context(), 25)
	require.ErrorIs(t, err, ErrNoOwner)
	assert.False(t, b.Activated())
	n := newFakeNetworkd(t, b, nil)
	states, err := q.LinkStates(t.Context(), 25)
	require.NoError(t, err)
	assert.Equal(t, hostnet.States{hostnet.OperationalState: "routable"}, states)
	_, err = q.LinkStates(t.Context(), 99)
	require.ErrorIs(t, err, errUnknownLink)
	n.quit()
	newFakeNetworkd(t, b, nil)
	_, err = q.ManagerStates(t.Context())
	assert.NoError(t, err)
}

// TestQuerierRests: each script would wait for who does not answer.
func TestQuerierRests(t *testing.T) {
	b := bustest.New(t, busName)
	b.Start()
	hang := make(chan struct{})
	newFakeNetworkd(t, b, func(n *fakeNetworkd) { n.hang = hang })
	q := Querier{timeout: silence}
	t.Cleanup(q.Close)
	_, err := q.LinkStates(t.Context(), 25)
	require.ErrorIs(t, err, ErrSilent)
	close(hang)
	_, err = q.LinkStates(t.Context(), 25)
	require.ErrorIs(t, err, ErrSilent, "now it would answer")
	q.rests = time.Time{}
	_, err = q.LinkStates(t.Context(), 25)
	require.NoError(t, err)

	require.NoError(t, b.Process().Signal(unix.SIGSTOP))
	_, err = q.LinkStates(t.Context(), 25)
	require.ErrorIs(t, err, systembus.ErrSilent)
	_, err = q.LinkStates(t.Context(), 25)
	require.ErrorIs(t, err, systembus.ErrSilent)
}
