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

// The files that are locked, below the state directory. They are hidden, as
// temporary files are: nothing waits because of one.
const (
	drainLock      = hooksDir + "/.drain.lock"
	watchLock      = linksDir + "/.watch.lock"
	rulesQueueLock = rulesDir + "/.pending.lock"
	rulesLock      = rulesDir + "/.rules.lock"
	leasesLock     = leasesDir + "/.leases.lock"
	resultsLock    = hooksDir + "/.results.lock"
)

// Lock is an advisory lock of flock(2): it ends with its holder, however that
// ends, and no child inherits it.
type Lock struct{ f *os.File }

// LockDrain makes this process the one that drains the spool, or returns
// ErrLocked at once. Unlike a writer's lock it is held while hooks run, and
// nobody ever waits for it: a hook that calls `netbrk run-hooks` finds it
// taken and leaves the work to the process that is already at it.
func LockDrain(root string) (*Lock, error) {
	return lock(root, drainLock, unix.LOCK_EX|unix.LOCK_NB)
}

// LockWatch makes this process the one that writes the spool, or returns
// ErrLocked at once.
func LockWatch(root string) (*Lock, error) {
	return lock(root, watchLock, unix.LOCK_EX|unix.LOCK_NB)
}

// LockRulesQueue waits until this process is the one that serves rules-pending; ctx
// ends the wait, and held is called once it has to. One that is at it may be killed
// between taking a link and looking at it, by when nothing is pending any more: whoever
// was started meanwhile looks.
func LockRulesQueue(ctx context.Context, root string, held func()) (*Lock, error) {
	l, err := lock(root, rulesQueueLock, unix.LOCK_EX|unix.LOCK_NB)
	if !errors.Is(err, ErrLocked) {
		return l, err
	}
	held()
	return waitLock(ctx, root, rulesQueueLock)
}

// LockRules waits until this process is the only one that changes policy
// routing. It is held for one pass, which takes milliseconds; ctx ends the wait.
func LockRules(ctx context.Context, root string) (*Lock, error) {
	return waitLock(ctx, root, rulesLock)
}

// LockLeases waits until this process is the only one that compares leases. It is
// held while resolved is told of them, at most some seconds, and never while a hook
// runs; ctx ends the wait.
func LockLeases(ctx context.Context, root string) (*Lock, error) {
	return waitLock(ctx, root, leasesLock)
}

// waitLock takes the lock called name under root as soon as it is free.
func waitLock(ctx context.Context, root, name string) (*Lock, error) {
	l, err := openLock(root, name)
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

// lock takes the lock called name under root.
func lock(root, name string, how int) (*Lock, error) {
	l, err := openLock(root, name)
	if err != nil {
		return nil, err
	}
	if err := l.take(how); err != nil {
		return nil, err
	}
	return l, nil
}

func openLock(root, name string) (*Lock, error) {
	if err := makeDirs(root, filepath.Dir(name)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(root, name), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
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
