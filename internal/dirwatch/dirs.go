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

// In reports whether something lies in one of the directories.
func (d *Dirs) In(path string) bool { return slices.Contains(d.dirs, filepath.Dir(path)) }

// Moved takes in an event about one of the directories, or one above them, and
// reports whether it is: whatever else comes and goes beside them is none.
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

// Arm watches what there is by now. Adding a watch twice is harmless.
func (d *Dirs) Arm() {
	for _, dir := range d.dirs {
		d.arm(dir)
	}
}

// arm begins below, and begins anew if the directory that was missing came
// meanwhile.
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
