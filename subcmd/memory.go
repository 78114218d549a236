package subcmd

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// keepSmall trades a little time for memory: the watcher sits beside every
// workload, has next to nothing alive, and does not compute. One processor of
// the runtime means one cache of free memory; a low percentage means that
// garbage does not pile up to the 4 MB that the runtime allows by default.
func keepSmall() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(25)
}

// stayQuick is the reverse, for a oneshot: a pass over a link of 10,000 addresses
// makes 17 MB of garbage, of which nothing is collected at this percentage; that
// saves a seventh of its time. What grows without measure is collected as often as
// it takes to stay within the limit.
func stayQuick() {
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(256 << 20)
}

// trim gives back what only the start, or a burst, needed: garbage, and the
// pages of the program that no one will look at soon.
func trim() {
	debug.FreeOSMemory()
	dropText()
}

// dropText forgets the pages of the program's code and constants. They are
// clean copies of a file: the ones still needed come back from the page cache
// when they are touched, and most never are, since a third of the program is
// other verbs and another third the flags, help and set-up of this one.
//
// Only mappings in which the kernel counts no page as changed are touched
// (proc_pid_smaps(5)): a changed page of a private mapping would come back as
// the file has it.
func dropText() {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range cleanMappings(smaps) {
		// Not unix.Madvise: it wants a slice, and this is no memory of Go's.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// cleanMappings returns the private mappings of files that cannot be written
// to and hold no page of our own.
func cleanMappings(smaps []byte) []mapping {
	var found []mapping
	var current mapping
	candidate := false
	lines := bufio.NewScanner(bytes.NewReader(smaps))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			// 00400000-006dc000 r-xp 00000000 00:1c 1234 /usr/bin/netbrk
			current, candidate = parseMapping(fields)
		case candidate && len(fields) >= 2 && fields[0] == "Anonymous:":
			if fields[1] == "0" {
				found = append(found, current)
			}
			candidate = false
		}
	}
	return found
}

func parseMapping(fields []string) (mapping, bool) {
	from, to, _ := strings.Cut(fields[0], "-")
	start, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	readOnly := fields[1] == "r-xp" || fields[1] == "r--p"
	isFile := len(fields) >= 6 && strings.HasPrefix(fields[5], "/")
	ok := err1 == nil && err2 == nil && start < end && readOnly && isFile
	return mapping{uintptr(start), uintptr(end)}, ok
}
