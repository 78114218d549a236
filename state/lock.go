package state

import (
	"context"
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

// LockRulesQueue makes this process the one that serves rules-pending, or
// returns ErrLocked at once.
func LockRulesQueue(root string) (*Lock, error) {
	return lock(root, rulesDir, "pending", unix.LOCK_EX|unix.LOCK_NB)
}

// LockRules waits until this process is the only one that changes policy
// routing. It is held for one pass, which takes milliseconds; ctx ends the wait.
func LockRules(ctx context.Context, root string) (*Lock, error) {
	l, err := lock(root, rulesDir, "rules", unix.LOCK_EX|unix.LOCK_NB)
	if !errors.Is(err, ErrLocked) {
		return l, err
	}
	type result struct {
		lock *Lock
		err  error
	}
	got := make(chan result)
	go func() { // flock(2) cannot be cancelled: at worst it waits on until we end
		l, err := lock(root, rulesDir, "rules", unix.LOCK_EX)
		select {
		case got <- result{l, err}:
		case <-ctx.Done():
			if err == nil {
				l.Unlock()
			}
		}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-got:
		return r.lock, r.err
	}
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
