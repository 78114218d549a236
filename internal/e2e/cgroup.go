package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupPaths returns where a cgroup called name has to be made: in cgroup v2,
// and in systemd's own v1 hierarchy where the machine has both. Without its own,
// systemd-nspawn --keep-unit puts its "payload" and "supervisor" into the cgroup
// it was started in, and two machines meet there.
func cgroupPaths(name string) ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("finding the cgroup hierarchies: %w", err)
	}
	var paths []string
	for line := range strings.Lines(string(mounts)) {
		// proc_pid_mountinfo(5): the mount point is the fifth field, type and
		// options of the file system follow a lone hyphen.
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, fstype := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(fstype) < 3 {
			continue
		}
		options := strings.Split(fstype[2], ",")
		if fstype[0] == "cgroup2" || fstype[0] == "cgroup" && slices.Contains(options, "name=systemd") {
			paths = append(paths, filepath.Join(mount[4], name))
		}
	}
	if len(paths) == 0 {
		return nil, errors.New("finding the cgroup hierarchies: none that systemd could use is mounted")
	}
	return paths, nil
}

// removeCgroup kills what runs in a cgroup and below it, and removes it.
func removeCgroup(path string) error {
	var dirs []string
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("listing cgroup %q: %w", path, err)
	}
	slices.Reverse(dirs) // children first
	for _, dir := range dirs {
		if err := emptyCgroup(dir); err != nil {
			return err
		}
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a cgroup: %w", err)
		}
	}
	return nil
}

// emptyCgroup kills the processes of one cgroup and waits until they are gone.
func emptyCgroup(path string) error {
	for {
		list, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if errors.Is(err, os.ErrNotExist) || err == nil && len(list) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing the processes of a cgroup: %w", err)
		}
		for _, word := range strings.Fields(string(list)) {
			pid, err := strconv.Atoi(word)
			if err != nil || pid == 0 { // 0: in a PID namespace that we cannot see
				return fmt.Errorf("killing %q of cgroup %q: not a process of ours", word, path)
			}
			if err := killAndWait(pid); err != nil {
				return err
			}
		}
	}
}

// killAndWait kills a process and waits until it is gone. A pidfd cannot come to
// mean another process: pidfd_open(2).
func killAndWait(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("killing process %d: %w", pid, err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
