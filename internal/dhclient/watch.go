package dhclient

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"

	"github.com/netbrk/netbrk/internal/dirwatch"
)

// Directories returns those in which the files of the patterns are, up to the
// first one with a wildcard in its name: below that nothing is watched.
func Directories(patterns []string) []string {
	var dirs []string
	for _, pattern := range patterns {
		dir := filepath.Dir(pattern)
		for strings.ContainsAny(dir, `*?[\`) {
			dir = filepath.Dir(dir)
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// DirWatch tells when a lease may have changed. dhclient keeps its file open,
// writes to it and never renames it, so each write counts.
type DirWatch struct {
	dirs    *dirwatch.Dirs
	changed chan struct{}
	log     *slog.Logger
}

// Watch watches directories, which need not exist yet; one that cannot be looked
// into is left to whoever can.
func Watch(dirs []string, log *slog.Logger) (*DirWatch, error) {
	d, err := dirwatch.New(dirs, func(string, error) {})
	if err != nil {
		return nil, fmt.Errorf("watching lease files: %w", err)
	}
	return &DirWatch{dirs: d, changed: make(chan struct{}, 1), log: log}, nil
}

// Changed delivers once for all changes since the last time.
func (w *DirWatch) Changed() <-chan struct{} { return w.changed }

// Run watches until ctx is done.
func (w *DirWatch) Run(ctx context.Context) {
	defer w.dirs.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case ev := <-w.dirs.Events:
			// A directory of ours can be in another of ours.
			if w.dirs.Moved(ev) || ev.Op != fsnotify.Chmod && w.dirs.In(ev.Name) {
				w.wake()
			}
		case err := <-w.dirs.Errors:
			w.log.Debug("notifications of lease files lost", "err", err)
			w.dirs.Arm()
			w.wake()
		}
	}
}

func (w *DirWatch) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}
