package e2e

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// Fleet is the worlds that the tests of a package share, one of each suite. A
// world is made when the first test asks for it.
type Fleet struct {
	cache   *Cache
	prepare func(context.Context, *Machine) error
	worlds  map[string]func() (*World, error)

	mu   sync.Mutex
	made []*World
}

// NewFleet makes the roots of all suites, side by side, and a fleet whose
// machines are prepared with prepare, which may be nil.
func NewFleet(ctx context.Context, log *slog.Logger, prepare func(context.Context, *Machine) error) (*Fleet, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	cache, err := OpenCache(dir, log)
	if err != nil {
		return nil, err
	}
	f := &Fleet{cache: cache, prepare: prepare, worlds: make(map[string]func() (*World, error))}
	group, ctx := errgroup.WithContext(ctx)
	for _, suite := range Suites() {
		f.worlds[suite] = sync.OnceValues(func() (*World, error) { return f.makeWorld(suite) })
		group.Go(func() error {
			root, err := cache.Root(ctx, suite)
			if err != nil {
				return err
			}
			return root.Release()
		})
	}
	return f, group.Wait()
}

// bootLimit ends a boot that hangs; the boot of an idle machine takes a second.
const bootLimit = 3 * time.Minute

func (f *Fleet) makeWorld(suite string) (*World, error) {
	ctx, cancel := context.WithTimeout(context.Background(), bootLimit)
	defer cancel()
	w, err := f.cache.NewWorld(ctx, suite, f.prepare)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made = append(f.made, w)
	return w, nil
}

// Cache is where the fleet's roots come from, for tests that need a machine of
// their own.
func (f *Fleet) Cache() *Cache { return f.cache }

// Each runs test once for each suite, side by side, in the suite's shared world.
// Tests of one world run one after another and leave it as they found it.
func (f *Fleet) Each(t *testing.T, test func(t *testing.T, w *World)) {
	for _, suite := range Suites() {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			w, err := f.worlds[suite]()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.explain(t) })
			test(t, w)
		})
	}
}

// Close removes the worlds.
func (f *Fleet) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, w := range f.made {
		errs = append(errs, w.Close())
	}
	f.made = nil
	return errors.Join(errs...)
}
