package faulttest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// wallClock sets the time of day of one process, while this machine's stays as it
// is. There is no namespace for CLOCK_REALTIME, time_namespaces(7), and no library
// to preload into a static binary, but each process has a vDSO of its own to write
// to, vdso(7): clock_gettime(2) there is replaced by one that asks the kernel and
// adds to the answer. Other clocks, and the times of files, are the kernel's.
type wallClock struct {
	pid  int
	path string // of the process' memory
	at   int64  // where what is added stands in it, in seconds
}

// clockCode is for CLOCK_REALTIME, 0, and the System V ABI of x86-64. The eight bytes
// after it are what it adds.
var clockCode = []byte{
	0xb8, 0xe4, 0, 0, 0, // mov  $SYS_clock_gettime, %eax
	0x0f, 0x05, //          syscall
	0x85, 0xff, //          test %edi, %edi
	0x75, 0x0a, //          jne  to the end
	0x48, 0x8b, 0x15, 0x06, 0, 0, 0, // mov 6(%rip), %rdx
	0x48, 0x01, 0x16, //    add  %rdx, (%rsi)
	0xc3,       //          ret
	0x90, 0x90, // what is added is aligned: it is written while others read it
}

// startAt starts a program in the host's namespace whose clock is off by shift.
func (h *host) startAt(t *testing.T, cmd *exec.Cmd, shift time.Duration) *wallClock {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		// Of all that may be missing here this alone is no failure.
		t.Skip("the clock is set by code for x86-64: on other architectures, CI included, these tests are skipped")
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	c := &wallClock{}
	h.Do(t, func() { // on one thread, which is the tracer
		require.NoError(t, cmd.Start())
		c.pid = cmd.Process.Pid
		var status unix.WaitStatus
		_, err := unix.Wait4(c.pid, &status, 0, nil)
		require.NoError(t, err)
		require.True(t, status.Stopped(), "after its execve(2)")
		c.path = fmt.Sprintf("/proc/%d/mem", c.pid)
		entry := c.entry(t)
		c.at = entry + int64(len(clockCode))
		require.Zero(t, c.at%8)
		_, err = unix.PtracePokeText(c.pid, uintptr(entry), append(bytes.Clone(clockCode), encodeShift(shift)...))
		require.NoError(t, err)
		require.NoError(t, unix.PtraceDetach(c.pid))
	})
	return c
}

// entry finds __vdso_clock_gettime in a process that was just executed.
func (c *wallClock) entry(t *testing.T) int64 {
	t.Helper()
	auxv, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", c.pid))
	require.NoError(t, err)
	const sysinfoEhdr = 33 // AT_SYSINFO_EHDR, getauxval(3)
	var base uint64
	for i := 0; i+16 <= len(auxv); i += 16 {
		if binary.NativeEndian.Uint64(auxv[i:]) == sysinfoEhdr {
			base = binary.NativeEndian.Uint64(auxv[i+8:])
		}
	}
	require.NotZero(t, base, "a vDSO")
	memory, err := os.Open(c.path)
	require.NoError(t, err)
	defer memory.Close()
	image := make([]byte, 2*os.Getpagesize())
	n, err := memory.ReadAt(image, int64(base))
	if n < os.Getpagesize() {
		require.NoError(t, err)
	}
	file, err := elf.NewFile(bytes.NewReader(image[:n]))
	require.NoError(t, err)
	symbols, err := file.DynamicSymbols()
	require.NoError(t, err)
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" {
			require.GreaterOrEqual(t, s.Size, uint64(len(clockCode)+8))
			return int64(base + s.Value)
		}
	}
	require.Fail(t, "no clock_gettime in the vDSO")
	return 0
}

func encodeShift(shift time.Duration) []byte {
	return binary.NativeEndian.AppendUint64(nil, uint64(int64(shift/time.Second)))
}

// set sets the clock of the process while it runs.
func (c *wallClock) set(t *testing.T, shift time.Duration) {
	t.Helper()
	memory, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer memory.Close()
	_, err = memory.WriteAt(encodeShift(shift), c.at)
	require.NoError(t, err)
}

// runAt is run with a clock that is off by shift.
func (h *host) runAt(t *testing.T, shift time.Duration, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return h.beginAt(t, shift, args...)()
}

// beginAt begins what runAt runs; the function that it returns waits for the end.
func (h *host) beginAt(t *testing.T, shift time.Duration, args ...string) func() (stdout, stderr string, status int) {
	t.Helper()
	cmd := h.Command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	h.startAt(t, cmd, shift)
	return func() (stdout, stderr string, status int) {
		_ = cmd.Wait()
		return out.String(), errs.String(), cmd.ProcessState.ExitCode()
	}
}

// TestWallClock is about the clock itself: it is set, and the machine's is not.
func TestWallClock(t *testing.T) {
	h := newHost(t, "")
	before := time.Now()
	cmd := exec.Command("date", "+%s")
	var out bytes.Buffer
	cmd.Stdout = &out
	h.startAt(t, cmd, -24*time.Hour)
	require.NoError(t, cmd.Wait())
	second, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64)
	require.NoError(t, err)
	require.WithinDuration(t, before.Add(-24*time.Hour), time.Unix(second, 0), 10*time.Minute)
	require.WithinDuration(t, before, time.Now(), 10*time.Minute)
}
