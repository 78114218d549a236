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

// wildcards are those of filepath.Match, and the escape for them.
const wildcards = `*?[\`

// Directories returns those in which the files of the patterns are, up to the
// first one with a wildcard in its name: below that nothing is watched.
func Directories(patterns []string) []string {
	return each(patterns, directory)
}

// Places returns what a unit has to watch, and its service to see: the directories,
// but of a pattern without a wildcard the one file. Beside that may lie what is none
// of theirs.
func Places(patterns []string) []string {
	return each(patterns, func(pattern string) string {
		if !strings.ContainsAny(pattern, wildcards) {
			return pattern
		}
		return directory(pattern)
	})
}

func directory(pattern string) string {
	dir := filepath.Dir(pattern)
	for strings.ContainsAny(dir, wildcards) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// each returns what the patterns stand for, each once.
func each(patterns []string, of func(string) string) []string {
	var all []string
	for _, pattern := range patterns {
		if place := of(pattern); !slices.Contains(all, place) {
			all = append(all, place)
		}
	}
	return all
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
