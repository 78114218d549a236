package cloudtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
)

// Getter answers from a map; a key that is not there is absent.
type Getter struct {
	Bodies map[string]string
	// Errs take precedence over the bodies.
	Errs map[string]error

	mu    sync.Mutex // guards asked
	asked []string
}

// Answering returns a getter of the answers in testdata, a txtar archive that ends in
// ext: those of one case.
func Answering(t testing.TB, ext, name string) *Getter {
	t.Helper()
	raw, ok := Documents(t, ext)[name]
	require.True(t, ok, "testdata has no %s%s", name, ext)
	g := &Getter{Bodies: map[string]string{}}
	for key, body := range Answers(raw).Bodies {
		g.Bodies[key] = string(body)
	}
	return g
}

// Get is that of cloud.Getter.
func (g *Getter) Get(_ context.Context, path string) ([]byte, error) {
	g.mu.Lock()
	g.asked = append(g.asked, path)
	g.mu.Unlock()
	if err, ok := g.Errs[path]; ok {
		return nil, fmt.Errorf("reading metadata %q: %w", path, err)
	}
	if body, ok := g.Bodies[path]; ok {
		return []byte(body), nil
	}
	return nil, fmt.Errorf("reading metadata %q: %w", path, cloud.ErrAbsent)
}

// Asked are the keys that were asked for, sorted.
func (g *Getter) Asked() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(slices.Values(g.asked))
}

// Without returns a getter of the same answers but those to the keys.
func (g *Getter) Without(keys ...string) *Getter {
	left := &Getter{Bodies: map[string]string{}, Errs: g.Errs}
	for path, body := range g.Bodies {
		if !slices.Contains(keys, path) {
			left.Bodies[path] = body
		}
	}
	return left
}

// Failing returns a getter of the same answers that fails at a key.
func (g *Getter) Failing(key string, err error) *Getter {
	return &Getter{Bodies: g.Bodies, Errs: map[string]error{key: err}}
}
