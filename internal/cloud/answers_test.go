package cloud

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type getFunc func(path string) ([]byte, error)

func (g getFunc) Get(_ context.Context, path string) ([]byte, error) { return g(path) }

func TestAsk(t *testing.T) {
	g := getFunc(func(path string) ([]byte, error) {
		switch path {
		case "absent":
			return nil, ErrAbsent
		case "failed":
			return nil, ErrNotReady
		}
		return []byte(" " + path + "\n"), nil
	})
	var a Answers
	a.Ask(t.Context(), g, 2, "a", "absent", "failed", "b")
	a.AskFacts(t.Context(), g, 2, "c")
	assert.NoError(t, a.Need(t.Context(), g, "d"))
	assert.ErrorIs(t, a.Need(t.Context(), g, "absent"), ErrAbsent)
	assert.Len(t, a.Bodies, 4)
	assert.Equal(t, "c", a.Text("c"))
	assert.Equal(t, map[string]error{"failed": ErrNotReady}, a.Failed)
	assert.True(t, a.Has("a"))
	assert.False(t, a.Has("absent"))
	assert.Empty(t, a.Text("absent"))
	assert.NoError(t, a.Err("a"))
	assert.EqualError(t, a.Err("absent"), `reading metadata "absent": not in the metadata`)
	assert.Equal(t, ErrNotReady, a.Err("failed"))
}

// A fact that hangs holds up the run for a while, and not for good.
func TestAskFactsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Answers
		start := time.Now()
		a.AskFacts(t.Context(), hanging{}, 2, "a", "b", "c")
		assert.Len(t, a.Failed, 3)
		assert.Equal(t, factsTime, time.Since(start))
	})
}

type hanging struct{}

func (hanging) Get(ctx context.Context, _ string) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
