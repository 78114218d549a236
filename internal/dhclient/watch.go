package dhclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
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
	dirs    []string
	notify  *fsnotify.Watcher
	changed chan struct{}
	log     *slog.Logger
}

// Watch watches directories, which need not exist yet; one that cannot be looked
// into is left to whoever can.
func Watch(dirs []string, log *slog.Logger) (*DirWatch, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching lease files: %w", err)
	}
	w := &DirWatch{dirs: dirs, notify: notify, changed: make(chan struct{}, 1), log: log}
	w.arm()
	return w, nil
}

// Changed delivers once for all changes since the last time.
func (w *DirWatch) Changed() <-chan struct{} { return w.changed }

// Run watches until ctx is done.
func (w *DirWatch) Run(ctx context.Context) {
	defer w.notify.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case ev := <-w.notify.Events:
			if w.relevant(ev) {
				w.wake()
			}
		case err := <-w.notify.Errors:
			w.log.Debug("notifications of lease files lost", "err", err)
			w.arm()
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

// relevant reports whether an event is about a lease file, or a directory of them.
func (w *DirWatch) relevant(ev fsnotify.Event) bool {
	// A directory of ours can be in another of ours.
	if ev.Has(fsnotify.Create) || ev.Has(fsnotify.Remove) || ev.Has(fsnotify.Rename) {
		if slices.ContainsFunc(w.dirs, func(dir string) bool { return strings.HasPrefix(dir+"/", ev.Name+"/") }) {
			w.arm()
			return true
		}
	}
	return ev.Op != fsnotify.Chmod && slices.Contains(w.dirs, filepath.Dir(ev.Name))
}

// arm watches each directory, and as long as it does not exist the nearest one
// above it that does. Adding a watch twice is harmless.
func (w *DirWatch) arm() {
	for _, dir := range w.dirs {
		// From below, and again if the one that was missing came meanwhile.
		at, missing := dir, ""
		for {
			err := w.notify.Add(at)
			switch {
			case err == nil && missing != "" && exists(missing):
				at, missing = dir, ""
				continue
			case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
				at, missing = filepath.Dir(at), at
				continue
			}
			break // or it is closed to us
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
