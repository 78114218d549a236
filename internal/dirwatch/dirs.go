// Package dirwatch watches directories that may come and go. It decides nothing
// about what happens in them.
package dirwatch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// Dirs are directories that are watched as long as they exist, and else the nearest
// one above that does.
type Dirs struct {
	*fsnotify.Watcher

	dirs []string
	// failed is told of one that cannot be watched though it is there.
	failed func(dir string, err error)
}

// New watches directories, which need not exist, by their clean paths.
func New(dirs []string, failed func(dir string, err error)) (*Dirs, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	d := &Dirs{Watcher: notify, dirs: dirs, failed: failed}
	d.Arm()
	return d, nil
}

// In reports whether a path is that of something in one of the directories.
func (d *Dirs) In(path string) bool { return slices.Contains(d.dirs, filepath.Dir(path)) }

// Moved reports whether an event tells that one of the directories, or one above
// them, came or went, and then watches what there is by now. What comes and goes
// beside them is no such event.
func (d *Dirs) Moved(ev fsnotify.Event) bool {
	if !ev.Has(fsnotify.Create) && !ev.Has(fsnotify.Remove) && !ev.Has(fsnotify.Rename) {
		return false
	}
	moved := d.onTheWay(ev.Name)
	if moved {
		d.Arm()
	}
	return moved
}

func (d *Dirs) onTheWay(path string) bool {
	return slices.ContainsFunc(d.dirs, func(dir string) bool { return strings.HasPrefix(dir+"/", path+"/") })
}

// Arm watches what there is by now, as after a loss of events. Adding a watch twice is
// harmless.
func (d *Dirs) Arm() {
	for _, dir := range d.dirs {
		d.arm(dir)
	}
}

// arm watches dir or the nearest above it that is there. It looks again if the next
// one below came before that was watched.
func (d *Dirs) arm(dir string) {
	at, missing := dir, ""
	for {
		err := d.Add(at)
		switch {
		case err == nil && missing != "" && exists(missing):
			at, missing = dir, ""
			continue
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			at, missing = filepath.Dir(at), at
			continue
		case err != nil:
			d.failed(at, err)
		}
		return
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
