package state

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/netbrk/netbrk/internal/dirwatch"
)

// WatchState calls changed after something under the state directory root did, until
// ctx is done or it is stopped. Directories that come later are followed as well,
// root itself included.
func WatchState(ctx context.Context, root string, changed func()) (stop func() error, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return nil, fmt.Errorf("watching state: %w", err)
	}
	var paths []string
	for _, dir := range []string{
		"", eventsDir, leaseEventsDir, failedDir, linksDir, rulesDir, rulesPendingDir, leasesDir, leasesPendingDir,
		cloudDir, cloudLinksDir, cloudPendingDir, hooksDir, resultsDir,
	} {
		paths = append(paths, filepath.Join(root, dir))
	}
	// What cannot be watched cannot be read either, and who reads it says so.
	dirs, err := dirwatch.New(paths, func(string, error) {})
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", root, err)
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case ev, ok := <-dirs.Events:
				if !ok {
					return
				}
				hidden := filepath.Base(ev.Name)[0] == '.' // a writer's temporary
				if dirs.Moved(ev) || dirs.In(ev.Name) && !hidden {
					changed()
				}
			case _, ok := <-dirs.Errors:
				if !ok {
					return
				}
				dirs.Arm() // some were lost
				changed()
			}
		}
	}()
	return dirs.Close, nil
}
