package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// arrivals tells when a file becomes visible in one of some directories.
type arrivals struct {
	notify *fsnotify.Watcher
	log    *slog.Logger
}

func watchArrivals(log *slog.Logger, dirs ...string) (*arrivals, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", dirs, err)
	}
	for _, dir := range dirs {
		if err := notify.Add(dir); err != nil {
			return nil, errors.Join(fmt.Errorf("watching %q: %w", dir, err), notify.Close())
		}
	}
	return &arrivals{notify, log}, nil
}

func (a *arrivals) close() error { return a.notify.Close() }

// wait blocks until something new may be there, and returns true, or until
// nothing came for quiet, and returns false.
func (a *arrivals) wait(ctx context.Context, quiet time.Duration) (bool, error) {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return false, nil
		case ev, ok := <-a.notify.Events:
			if !ok {
				return false, fs.ErrClosed
			}
			// A file is made, or becomes visible by a rename; all else is our
			// own removal or the writer's hidden temporary.
			if ev.Has(fsnotify.Create) && filepath.Base(ev.Name)[0] != '.' {
				return true, nil
			}
		case err, ok := <-a.notify.Errors:
			if !ok {
				return false, fs.ErrClosed
			}
			a.log.Debug("notification of a file lost", "err", err) // overflow: look again
			return true, nil
		}
	}
}
