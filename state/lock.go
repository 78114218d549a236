package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrLocked is returned when another process holds a lock.
var ErrLocked = errors.New("locked by another process")

// Lock is an advisory lock of flock(2): it ends with its holder, however that
// ends, and no child inherits it.
type Lock struct{ f *os.File }

// LockDrain makes this process the one that drains the spool, or returns
// ErrLocked at once. Unlike a writer's lock it is held while hooks run, and
// nobody ever waits for it: a hook that calls `netbrk run-hooks` finds it
// taken and leaves the work to the process that is already at it.
func LockDrain(root string) (*Lock, error) {
	return lock(root, hooksDir, "drain", unix.LOCK_EX|unix.LOCK_NB)
}

// LockWatch makes this process the one that writes the spool, or returns
// ErrLocked at once.
func LockWatch(root string) (*Lock, error) {
	return lock(root, linksDir, "watch", unix.LOCK_EX|unix.LOCK_NB)
}

// lock takes the lock dir/.name.lock under root.
func lock(root, dir, name string, how int) (*Lock, error) {
	if err := makeDirs(root, dir); err != nil {
		return nil, err
	}
	path := filepath.Join(root, dir, "."+name+".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("locking %q: %w", path, err)
	}
	return &Lock{f}, nil
}

// Unlock gives the lock up.
func (l *Lock) Unlock() { l.f.Close() }
