package subcmd

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	kmsgDevice = "/dev/kmsg"
	// maxKmsg is less than the kernel takes as one record: LOG_LINE_MAX of
	// kernel/printk/printk.c is 1024 less what it puts before it.
	maxKmsg = 900
)

// kmsg writes each line as a record of the kernel's log, from which the journal
// has it once there is one.
type kmsg struct{ device io.Writer }

// Write implements io.Writer.
func (k kmsg) Write(line []byte) (int, error) {
	// <3> is an error, KERN_ERR.
	record := fmt.Appendf(nil, "<3>%s[%d]: %s", generatorName, os.Getpid(), line)
	if _, err := k.device.Write(record[:min(len(record), maxKmsg)]); err != nil {
		return 0, err
	}
	return len(line), nil
}

// generatorLog is where a generator tells what is wrong. systemd gives it /dev/null
// as standard error, and at boot nobody else listens yet: systemd.generator(7). The
// function that comes with it closes it.
func generatorLog(stderr io.Writer, device string) (io.Writer, func()) {
	nothing := func() {}
	f, ok := stderr.(*os.File)
	if !ok || !isNull(f) {
		return stderr, nothing
	}
	// Containers have none, or a pipe that nobody reads: not to be waited for.
	log, err := os.OpenFile(device, os.O_WRONLY|os.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return stderr, nothing
	}
	return kmsg{log}, func() { log.Close() }
}

func isNull(f *os.File) bool {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	null := unix.Mkdev(1, 3)       // null(4)
	return uint64(st.Rdev) == null // narrower on some architectures
}
