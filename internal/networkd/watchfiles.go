package networkd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fsnotify/fsnotify"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// FileWatch tells when networkd writes a file about a link: its administrative
// state while the bus is silent, and its lease, of which older versions tell
// nothing on the bus.
type FileWatch struct {
	dir     string
	notify  *fsnotify.Watcher
	changed chan int
	log     *slog.Logger
}

// WatchFiles watches dir, which is StateDir but in tests. It need not exist.
func WatchFiles(dir string, log *slog.Logger) (*FileWatch, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", dir, err)
	}
	w := &FileWatch{dir: dir, notify: notify, changed: make(chan int), log: log}
	w.arm()
	return w, nil
}

// Changed delivers the ifindex of a link whose file or lease changed, or 0
// when any may have.
func (w *FileWatch) Changed() <-chan int { return w.changed }

// AdministrativeState returns networkd's last written word on a link, empty
// for a link that it keeps no file of.
func (w *FileWatch) AdministrativeState(index int) string {
	f, err := ReadLinkFile(w.dir, index)
	if err != nil {
		return ""
	}
	return f.States[hostnet.AdministrativeState]
}

// Lease is what a link's lease is known by; nothing for no lease.
func (w *FileWatch) Lease(index int) hostnet.LeaseMark {
	l, err := ReadLease(w.dir, index)
	if err != nil {
		return hostnet.LeaseMark{}
	}
	mark := hostnet.LeaseMark{Signature: l.Signature()}
	if l.Prefix.IsValid() {
		mark.Address = l.Prefix.String()
	}
	return mark
}

// Run delivers changes until ctx is done.
func (w *FileWatch) Run(ctx context.Context) {
	defer w.notify.Close()
	for {
		index, relevant := 0, false
		select {
		case <-ctx.Done():
			return
		case ev := <-w.notify.Events:
			index, relevant = w.take(ev)
		case err := <-w.notify.Errors:
			w.log.Debug("notifications of networkd's files lost", "err", err)
			relevant = true
		}
		if !relevant {
			continue
		}
		select {
		case w.changed <- index:
		case <-ctx.Done():
			return
		}
	}
}

// take tells the link that a notification is about. networkd writes a file
// under another name and renames it, which arrives as its creation.
func (w *FileWatch) take(ev fsnotify.Event) (index int, relevant bool) {
	if !ev.Has(fsnotify.Create) && !ev.Has(fsnotify.Remove) {
		return 0, false
	}
	if filepath.Dir(filepath.Dir(ev.Name)) != w.dir {
		if !w.onTheWay(ev.Name) {
			return 0, false
		}
		// A directory on the way came or went.
		w.arm()
		return 0, true
	}
	index, err := strconv.Atoi(filepath.Base(ev.Name))
	return index, err == nil && index > 0
}

// onTheWay tells the directories of ours, and those above them, from whatever
// else comes and goes beside them: /run is a busy place.
func (w *FileWatch) onTheWay(path string) bool {
	for _, name := range []string{"links", "leases"} {
		if strings.HasPrefix(filepath.Join(w.dir, name)+"/", path+"/") {
			return true
		}
	}
	return false
}

// arm watches the two directories, and as long as one does not exist its
// nearest ancestor that does. Adding a watch twice is harmless.
func (w *FileWatch) arm() {
	for _, name := range []string{"links", "leases"} {
		// From above: a directory that appears between two looks is seen by
		// the one at its parent.
		dirs := []string{filepath.Join(w.dir, name)}
		for dirs[0] != "/" && dirs[0] != "." {
			dirs = append([]string{filepath.Dir(dirs[0])}, dirs...)
		}
		missing := slices.IndexFunc(dirs, func(dir string) bool { _, err := os.Stat(dir); return err != nil })
		switch {
		case missing < 0:
			w.add(dirs[len(dirs)-1])
		case missing > 0:
			w.add(dirs[missing-1])
			if _, err := os.Stat(dirs[missing]); err == nil {
				w.arm() // it appeared meanwhile
				return
			}
		}
	}
}

// add watches a directory. Without it a lease is found by the signals of systemd
// 255 and later, and an administrative state as long as the bus tells it.
func (w *FileWatch) add(dir string) {
	if err := w.notify.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.log.Warn("not notified of networkd's files", "directory", dir, "err", err)
	}
}
