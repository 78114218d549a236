package dispatcher

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// Prepare gives this process what its scripts inherit, whoever started it: umask
// 022, no open file but stdin, stdout and stderr, and no ignored signal. It is
// called once, before the first script runs.
func Prepare() error {
	unix.Umask(0o022)
	// execve(2) keeps an ignored signal ignored. Go takes over all but SIGHUP and
	// SIGINT where it finds them so, as under nohup(1); systemd ignores SIGPIPE.
	// We go on to ignore both: nobody reads this channel.
	for _, sig := range []os.Signal{unix.SIGHUP, unix.SIGINT} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	if err := closeOnExec(); err != nil {
		return fmt.Errorf("closing inherited files: %w", err)
	}
	return nil
}

// closeOnExec marks all files but the first three. Our own have the mark.
func closeOnExec() error {
	err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// The flag is there since Linux 5.11, the call since 5.9; Debian 11 has 5.10.
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return err
	}
	return markOpenFiles()
}

// markOpenFiles does the same file by file.
func markOpenFiles() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
