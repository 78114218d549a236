package scale_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hosttest"
)

// requiredVar makes the tests run that measure: they take root, bin/netbrk and
// minutes. `make scale` sets it.
const requiredVar = "NETBRK_TEST_SCALE"

// host is one whose files are in memory, as /run is on a host: here it may be a disk.
type host struct{ *hosttest.Host }

func newHost(t *testing.T, toml string) *host {
	t.Helper()
	if os.Getenv(requiredVar) != "1" {
		t.Skipf("%s is not 1: make scale sets it", requiredVar)
	}
	require.Zero(t, os.Geteuid(), "namespaces with 1,000 links take root")
	dir := hosttest.Dir(t)
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return &host{hosttest.New(t, dir, toml)}
}

// spent is what a process took.
type spent struct {
	wall, cpu time.Duration
	peakMiB   float64
}

func (s spent) String() string {
	return fmt.Sprintf("%.2f s, %.2f s of CPU, %.1f MiB at the peak", s.wall.Seconds(), s.cpu.Seconds(), s.peakMiB)
}

// run runs netbrk to its end.
func (h *host) run(t *testing.T, args ...string) spent {
	t.Helper()
	cmd := h.Command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	at := time.Now()
	h.Do(t, func() { require.NoError(t, cmd.Start()) })
	highest := make(chan int)
	go func() { highest <- hosttest.Peak(cmd.Process.Pid) }()
	require.NoError(t, cmd.Wait(), stderr.String())
	return spent{time.Since(at), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), mebibytes(<-highest)}
}

// daemon is a netbrk that goes on.
type daemon struct {
	cmd    *exec.Cmd
	events string // the file that --print goes to
}

func (h *host) start(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := &daemon{cmd: h.Command(args...), events: filepath.Join(h.Dir, "events."+args[0])}
	out, err := os.Create(d.events)
	require.NoError(t, err)
	defer out.Close()
	log, err := os.OpenFile(filepath.Join(h.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer log.Close()
	d.cmd.Stdout, d.cmd.Stderr = out, log
	h.Do(t, func() { require.NoError(t, d.cmd.Start()) })
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
	})
	return d
}

func (h *host) log() string {
	raw, _ := os.ReadFile(filepath.Join(h.Dir, "log"))
	return string(raw)
}

func (d *daemon) printed() string {
	raw, _ := os.ReadFile(d.events)
	return string(raw)
}

// cpu is what the process has computed so far; that of children that ended is their
// own. The kernel counts it in hundredths of a second, proc_pid_stat(5).
func (d *daemon) cpu(t *testing.T) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	require.NoError(t, err1)
	require.NoError(t, err2)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is a line of the process's proc_pid_status(5), in MiB.
func (d *daemon) memory(t *testing.T, name string) float64 {
	t.Helper()
	kib, ok := hosttest.Memory(d.cmd.Process.Pid, name)
	require.True(t, ok, name)
	return mebibytes(kib)
}

func mebibytes(kib int) float64 { return float64(kib) / 1024 }

// descriptors is how many files the process has open.
func (d *daemon) descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
	require.NoError(t, err)
	return len(entries)
}

// rest waits until the process has computed nothing for a while.
func (d *daemon) rest(t *testing.T) {
	t.Helper()
	last, since := d.cpu(t), time.Now()
	hosttest.Wait(t, "rest", func() bool {
		if now := d.cpu(t); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 6*time.Second
	})
}
