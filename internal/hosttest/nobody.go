package hosttest

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// AsNobody runs f as a user without any right, where root runs the test; whoever else
// does has few enough. f runs on a thread of its own, so goroutines that it starts are
// the test's user's; it may use require.
func AsNobody(t testing.TB, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	var errno unix.Errno
	finished := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread, now another user's, dies with us
		// Of this thread alone, which syscall.Setresuid would not be.
		if _, _, errno = unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			return
		}
		f()
		finished = true
	}()
	<-done
	switch {
	case errno != 0:
		t.Fatalf("becoming another user: %v", errno)
	case !finished: // f ended its goroutine by t.FailNow or t.SkipNow
		runtime.Goexit()
	}
}
