package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// WatchState calls changed after something under the state directory root did, until
// ctx is done. Directories that come later are followed as well; root itself need not
// exist yet, and then its parent is.
func WatchState(ctx context.Context, root string, changed func()) (stop func() error, err error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", root, err)
	}
	// One that cannot be followed, or is not there, is looked at again with the
	// next change of its parent.
	follow := func() {
		_ = notify.Add(filepath.Dir(root))
		for _, dir := range []string{
			"", eventsDir, leaseEventsDir, linksDir, rulesPendingDir, hooksDir, resultsDir, failedDir, rulesDir, leasesDir, cloudDir, cloudLinksDir,
		} {
			_ = notify.Add(filepath.Join(root, dir))
		}
	}
	follow()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case ev, ok := <-notify.Events:
				if !ok {
					return
				}
				if ev.Has(fsnotify.Create) {
					if info, err := os.Lstat(ev.Name); err == nil && info.IsDir() {
						follow()
					}
				}
				if filepath.Base(ev.Name)[0] != '.' { // a writer's temporary
					changed()
				}
			case _, ok := <-notify.Errors:
				if !ok {
					return
				}
				changed() // some were lost
			}
		}
	}()
	return notify.Close, nil
}
