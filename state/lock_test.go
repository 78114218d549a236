package state

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cancelled is a context that has ended already.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestLocks(t *testing.T) {
	for name, take := range map[string]func(string) (*Lock, error){"drain": LockDrain, "watch": LockWatch} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			l, err := take(root)
			require.NoError(t, err)
			_, err = take(root)
			require.ErrorIs(t, err, ErrLocked)
			l.Unlock()
			l, err = take(root)
			require.NoError(t, err)
			l.Unlock()
		})
	}
}

func TestLockRules(t *testing.T) {
	root := t.TempDir()
	first, err := LockRules(t.Context(), root)
	require.NoError(t, err)
	_, err = LockRules(cancelled(t), root)
	require.ErrorIs(t, err, context.Canceled, "the wait ends with its context")

	second := make(chan error)
	go func() {
		l, err := LockRules(t.Context(), root)
		if err == nil {
			l.Unlock()
		}
		second <- err
	}()
	first.Unlock()
	assert.NoError(t, <-second, "it comes to whoever waits")
}

func TestLockRulesQueue(t *testing.T) {
	root, waited := t.TempDir(), 0
	held := func() { waited++ }
	l, err := LockRulesQueue(t.Context(), root, held)
	require.NoError(t, err)
	assert.Zero(t, waited)
	_, err = LockRulesQueue(cancelled(t), root, held)
	assert.ErrorIs(t, err, context.Canceled, "it is waited for")
	assert.Equal(t, 1, waited)
	changing, err := LockRules(t.Context(), root)
	require.NoError(t, err, "it is another lock than that of a pass")
	changing.Unlock()
	l.Unlock()
	l, err = LockRulesQueue(t.Context(), root, held)
	require.NoError(t, err)
	assert.Equal(t, 1, waited)
	l.Unlock()
}
