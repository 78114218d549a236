package networkd

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"

	"github.com/fsnotify/fsnotify"

	"github.com/netbrk/netbrk/internal/dirwatch"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// FileWatch tells when networkd writes a file about a link: its administrative
// state while the bus is silent, and its lease, of which older versions tell
// nothing on the bus.
type FileWatch struct {
	dir     string
	dirs    *dirwatch.Dirs
	changed chan int
	log     *slog.Logger
}

// WatchFiles watches dir, which is StateDir but in tests. It need not exist.
func WatchFiles(dir string, log *slog.Logger) (*FileWatch, error) {
	dirs, err := dirwatch.New([]string{filepath.Join(dir, "links"), filepath.Join(dir, "leases")}, func(dir string, err error) {
		// Without it a lease is found by the signals of systemd 255 and later, and an
		// administrative state as long as the bus tells it.
		log.Warn("not notified of networkd's files", "directory", dir, "err", err)
	})
	if err != nil {
		return nil, fmt.Errorf("watching %q: %w", dir, err)
	}
	return &FileWatch{dir: dir, dirs: dirs, changed: make(chan int), log: log}, nil
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
	defer w.dirs.Close()
	for {
		index, relevant := 0, false
		select {
		case <-ctx.Done():
			return
		case ev := <-w.dirs.Events:
			index, relevant = w.take(ev)
		case err := <-w.dirs.Errors:
			w.log.Debug("notifications of networkd's files lost", "err", err)
			w.dirs.Arm() // a directory may have come unnoticed
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
	if w.dirs.Moved(ev) {
		return 0, true
	}
	if !w.dirs.In(ev.Name) || !ev.Has(fsnotify.Create) && !ev.Has(fsnotify.Remove) {
		return 0, false
	}
	index, err := strconv.Atoi(filepath.Base(ev.Name))
	return index, err == nil && index > 0
}
