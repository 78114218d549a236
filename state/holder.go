package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Holder is who has a lock. To tell of locks the kernel stops whoever takes one, which
// it waits for with an RCU grace period, 5 to 10 ms (locks_start() of fs/locks.c).
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
