package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// thread is an OS thread in namespaces of its own. What it starts inherits
// them. A program started with Pdeathsig gets its signal when this thread ends
// (PR_SET_PDEATHSIG in prctl(2): the parent is the thread, not the process), so
// nothing started here survives the test, not even when that is killed.
type thread struct {
	id      int
	work    chan func()
	stop    func() // closes stopped, once
	stopped chan struct{}
	ended   chan struct{}
}

// errThreadClosed is what work for a closed thread gets.
var errThreadClosed = errors.New("its namespaces are closed")

// newThread starts a thread that enters its namespaces with enter.
func newThread(enter func() error) (*thread, error) {
	t := &thread{work: make(chan func()), stopped: make(chan struct{}), ended: make(chan struct{})}
	t.stop = sync.OnceFunc(func() { close(t.stopped) })
	entered := make(chan error)
	go t.run(enter, entered)
	if err := <-entered; err != nil {
		return nil, err
	}
	return t, nil
}

func (t *thread) run(enter func() error, entered chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread, now elsewhere, ends with us
	if unix.Gettid() == os.Getpid() {
		// The main thread cannot end before the process does, and /proc/self
		// tells its namespaces. Keep it occupied while another takes over.
		other := make(chan error)
		go t.run(enter, other)
		entered <- <-other
		runtime.UnlockOSThread()
		return
	}
	err := enter()
	t.id = unix.Gettid()
	entered <- err
	if err != nil {
		return
	}
	defer close(t.ended)
	for {
		select {
		case work := <-t.work:
			work()
		case <-t.stopped:
			return
		}
	}
}

// do runs fn on the thread and returns its error.
func (t *thread) do(fn func() error) error {
	result := make(chan error, 1)
	select {
	case t.work <- func() { result <- fn() }:
		return <-result
	case <-t.stopped:
		return errThreadClosed
	}
}

// start starts a program in the thread's namespaces, to die with it.
func (t *thread) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	return t.do(cmd.Start)
}

// close ends the thread and with it its hold on its namespaces.
func (t *thread) close() {
	t.stop()
	<-t.ended
}

// path is where the thread's own view of the file system begins, for
// programs and threads that live in other mount namespaces.
func (t *thread) path() string { return fmt.Sprintf("/proc/%d/task/%d/root", os.Getpid(), t.id) }

// unshare leaves the process's namespaces for new ones.
func unshare(flags int) error {
	if err := unix.Unshare(flags); err != nil {
		return fmt.Errorf("unsharing namespaces: %w", err)
	}
	if flags&unix.CLONE_NEWNS == 0 {
		return nil
	}
	// Mounts propagate out of a new mount namespace as long as they are
	// shared, which is systemd's default. mount_namespaces(7).
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	return nil
}
