package state

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Backlog is what waits in one of the directories that a oneshot empties.
type Backlog struct {
	// Name is that of the directory below the state directory.
	Name string
	// Pending counts its entries, Oldest is when the first of them was written.
	Pending int
	Oldest  time.Time
}

// Backlogs looks at what waits under the state directory root, by the names alone.
// Directories that do not exist have nothing in them.
func Backlogs(root string) ([]Backlog, error) {
	var all []Backlog
	var errs []error
	for _, name := range []string{eventsDir, leaseEventsDir, rulesPendingDir, cloudPendingDir, leasesPendingDir} {
		b := Backlog{Name: name}
		entries, err := visible(filepath.Join(root, name))
		if err = ignoreMissing(err); err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", name, err))
			continue
		}
		for _, entry := range entries {
			info, err := os.Lstat(filepath.Join(root, name, entry))
			if err != nil {
				continue // taken just now
			}
			b.Pending++
			if at := info.ModTime(); b.Oldest.IsZero() || at.Before(b.Oldest) {
				b.Oldest = at
			}
		}
		all = append(all, b)
	}
	return all, errors.Join(errs...)
}

// A Holder is who has a lock.
type Holder struct {
	// Known is false where it cannot be found out.
	Known bool
	Held  bool
	// PID is the holder's, 0 where it is in another namespace of processes.
	PID int
}

// WatchHolder tells who is LockWatch's holder under the state directory root,
// without taking the lock: a watcher that starts at that moment would find it taken.
func WatchHolder(root string) Holder { return holder(root, watchLock, "/proc/locks") }

// DrainHolder tells who is LockDrain's holder.
func DrainHolder(root string) Holder { return holder(root, drainLock, "/proc/locks") }

// RulesQueueHolder tells who is LockRulesQueue's holder.
func RulesQueueHolder(root string) Holder { return holder(root, rulesQueueLock, "/proc/locks") }

// holder looks the lock up in proc_locks(5), which anybody may read, while only
// its owner may open the file.
func holder(root, name, table string) Holder {
	var st unix.Stat_t
	err := unix.Stat(filepath.Join(root, name), &st)
	if errors.Is(err, fs.ErrNotExist) {
		return Holder{Known: true}
	}
	if err != nil {
		return Holder{}
	}
	locks, err := os.ReadFile(table)
	if err != nil {
		return Holder{} // ProcSubset=pid of systemd.exec(5) hides it
	}
	// The kernel prints the device of the file system, stat(2) that of the
	// subvolume or layer, where there are such: /run is a tmpfs and has none.
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	return holderOf(string(locks), file)
}

// holderOf looks for a file by device and inode in the text of proc_locks(5).
func holderOf(locks, file string) Holder {
	for line := range strings.Lines(locks) {
		// 1: FLOCK  ADVISORY  WRITE 812 00:18:1164 0 EOF
		fields := strings.Fields(line)
		if len(fields) >= 6 && fields[1] == "FLOCK" && fields[5] == file {
			pid, _ := strconv.Atoi(fields[4])
			return Holder{Known: true, Held: true, PID: max(pid, 0)}
		}
	}
	return Holder{Known: true}
}

// LookAtLinks returns the watcher's records for those who show them and trust
// nothing in them: they are another user's. What cannot be read is left out.
func LookAtLinks(root string) (map[int]LinkRecord, error) {
	dir := filepath.Join(root, linksDir)
	owner, err := dirOwner(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records, err := readLinks(dir, owner, os.Geteuid())
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(records, func(_ int, r LinkRecord) bool { return r.Name != "" && !hostnet.ValidLinkName(r.Name) })
	for _, r := range records {
		maps.DeleteFunc(r.States, func(p hostnet.Property, word string) bool { return !hostnet.IsState(p, word) })
	}
	return records, nil
}
