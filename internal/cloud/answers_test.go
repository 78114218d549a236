package cloud

import (
	"context"
	"testing"

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
	a.Ask(t.Context(), g, 2, "c")
	assert.Len(t, a.Bodies, 3)
	assert.Equal(t, "c", a.Text("c"))
	assert.Equal(t, map[string]error{"failed": ErrNotReady}, a.Failed)
	assert.True(t, a.Has("a"))
	assert.False(t, a.Has("absent"))
	assert.Empty(t, a.Text("absent"))
}
