package hosttest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// Memory is a line of a process's proc_pid_status(5) that is in KiB, such as RssAnon.
// A process that has ended has none.
func Memory(pid int, name string) (kib int, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	found := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindSubmatch(status)
	if found == nil {
		return 0, false
	}
	kib, err = strconv.Atoi(string(found[1]))
	return kib, err == nil
}

// Peak looks at a process that was started until it has ended, and returns the most
// resident memory that it had, in KiB. The figure of wait4(2) counts what the process
// was before it executed the program, a copy of ours: exec_mmap() of fs/exec.c.
func Peak(pid int) (kib int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		now, ok := Memory(pid, "VmHWM")
		if !ok {
			break
		}
		kib = max(kib, now)
	}
	return kib
}
