package dispatcher

import (
	"bytes"
	"os"
	"strconv"
)

// groupLives reports whether a process group has a member that is not a zombie.
// kill(2) with signal 0 would not tell: the group's leader is one, left so that
// the group keeps its number. Where /proc cannot be read, the answer is yes.
func groupLives(pgid int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // ended meanwhile
		}
		if state, group, ok := parseStat(stat); ok && group == pgid && state != "Z" && state != "X" {
			return true
		}
	}
	return false
}

// parseStat returns the state and the process group of a process from its
// /proc/PID/stat, proc_pid_stat(5). The second field is its name, which may hold
// anything: the last ")" ends it.
func parseStat(stat []byte) (state string, pgrp int, ok bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return "", 0, false
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 3 {
		return "", 0, false
	}
	pgrp, err := strconv.Atoi(string(fields[2]))
	return string(fields[0]), pgrp, err == nil
}
