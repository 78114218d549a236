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

// LockRulesQueue waits until this process is the one that serves rules-pending; ctx
// ends the wait. One that is at it may be killed between taking a link and looking at
// it, by when nothing is pending any more: whoever was started meanwhile looks.
func LockRulesQueue(ctx context.Context, root string) (*Lock, error) {
	return waitLock(ctx, root, rulesDir, "pending")
}

// LockRules waits until this process is the only one that changes policy
// routing. It is held for one pass, which takes milliseconds; ctx ends the wait.
func LockRules(ctx context.Context, root string) (*Lock, error) {
	return waitLock(ctx, root, rulesDir, "rules")
}

// waitLock takes the lock dir/.name.lock under root as soon as it is free.
func waitLock(ctx context.Context, root, dir, name string) (*Lock, error) {
	l, err := openLock(root, dir, name)
	if err != nil {
		return nil, err
	}
	taken := make(chan error)
	go func() { // flock(2) cannot be cancelled: at worst it waits on until we end
		err := l.take(unix.LOCK_EX)
		select {
		case taken <- err:
		case <-ctx.Done():
			l.Unlock()
		}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-taken:
		if err != nil {
			return nil, err
		}
		return l, nil
	}
}

// lock takes the lock dir/.name.lock under root.
func lock(root, dir, name string, how int) (*Lock, error) {
	l, err := openLock(root, dir, name)
	if err != nil {
		return nil, err
	}
	if err := l.take(how); err != nil {
		return nil, err
	}
	return l, nil
}

func openLock(root, dir, name string) (*Lock, error) {
	if err := makeDirs(root, dir); err != nil {
		return nil, err
	}
	path := filepath.Join(root, dir, "."+name+".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock: %w", err)
	}
	return &Lock{f}, nil
}

// take locks the open file, which it closes on failure.
func (l *Lock) take(how int) error {
	for {
		err := unix.Flock(int(l.f.Fd()), how)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		}
		l.f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return ErrLocked
		}
		return fmt.Errorf("locking %q: %w", l.f.Name(), err)
	}
}

// Unlock gives the lock up.
func (l *Lock) Unlock() { l.f.Close() }
