package e2e

import (
	"context"
	"crypto/sha256"
	_ "embed" // for the set-up script
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// customize is run by mmdebstrap on the finished root.
//
//go:embed testdata/customize.sh
var customize string

// Cache keeps the roots that machines boot from. A root is built whole under
// another name and renamed, and never written to again: machines boot from an
// overlay.
type Cache struct {
	dir string
	log *slog.Logger
}

// CacheDir is where the roots are kept: NETBRK_E2E_CACHE, or netbrk-e2e in the
// user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("NETBRK_E2E_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w", err)
	}
	return filepath.Join(dir, "netbrk-e2e"), nil
}

// OpenCache opens the cache in dir and clears what killed runs left behind.
func OpenCache(dir string, log *slog.Logger) (*Cache, error) {
	c := &Cache{dir: dir, log: log}
	if err := os.MkdirAll(c.records(), 0o700); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	return c, sweep(c.records(), log)
}

func (c *Cache) records() string { return filepath.Join(c.dir, "running") }

// Root is a root that cannot change as long as it is held.
type Root struct {
	Suite string
	Dir   string
	lock  *os.File
}

// Release lets a later run delete the root, should it be out of date by then.
func (r *Root) Release() error { return r.lock.Close() }

// Root returns the root of suite, building it if it is not there.
func (c *Cache) Root(ctx context.Context, suite string) (*Root, error) {
	key := rootKey(suite)
	dir := filepath.Join(c.dir, key)
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking root %q: %w", key, err)
	}
	root := &Root{Suite: suite, Dir: dir, lock: lock}
	if err := c.fill(ctx, root); err != nil {
		return nil, errors.Join(fmt.Errorf("making a root of %q: %w", suite, err), lock.Close())
	}
	return root, c.deleteOld(suite, key)
}

// fill makes sure that root exists, and leaves its lock shared.
func (c *Cache) fill(ctx context.Context, root *Root) error {
	// Shared is enough for a root that is there: an exclusive lock would wait
	// for every run that uses it. flock(2) ends with the process.
	if err := flock(ctx, root.lock, unix.LOCK_SH); err != nil {
		return err
	}
	if _, err := os.Stat(root.Dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Exclusive until the root is there, so that of two runs one builds and
	// the other waits for it.
	if err := flock(ctx, root.lock, unix.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(root.Dir); errors.Is(err, os.ErrNotExist) {
		if err := c.build(ctx, root); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return flock(ctx, root.lock, unix.LOCK_SH)
}

func (c *Cache) build(ctx context.Context, root *Root) error {
	started := time.Now()
	partial := root.Dir + ".partial"
	attempts, err := archives(root.Suite)
	if err != nil {
		return err
	}
	var failed []error
	for _, archive := range attempts {
		// mmdebstrap's mounts were in a namespace that is gone with it, so
		// this meets files only.
		if err := os.RemoveAll(partial); err != nil {
			return fmt.Errorf("removing an unfinished root: %w", err)
		}
		err := mmdebstrap(ctx, root.Suite, partial, archive)
		if err == nil {
			c.log.Info("made a root", "suite", root.Suite, "took", time.Since(started).Round(time.Second))
			return os.Rename(partial, root.Dir)
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(failed, os.RemoveAll(partial))...)
}

// archives returns the sets of archives to try for suite, best first: this
// machine's own; of those only the suite proper, since a suite's security
// archive may be gone before the suite is; and mmdebstrap's own choice.
func archives(suite string) ([][]string, error) {
	if mirror := os.Getenv("NETBRK_E2E_MIRROR"); mirror != "" {
		return [][]string{{mirror}}, nil
	}
	own, err := hostSources(suite)
	if err != nil || len(own) == 0 {
		return [][]string{nil}, err
	}
	var proper []string
	for _, entry := range own {
		if strings.HasSuffix(entry, " "+suite+" main") {
			proper = append(proper, entry)
		}
	}
	return [][]string{own, proper, nil}, nil
}

func mmdebstrap(ctx context.Context, suite, target string, archive []string) error {
	args := mmdebstrapArgs(suite)
	options, err := hostAptOptions(ctx)
	if err != nil {
		return err
	}
	for _, option := range options {
		args = append(args, "--aptopt="+option)
	}
	args = append(append(args, suite, target), archive...)

	// A mount namespace, since mmdebstrap mounts things in the root that it
	// makes, and a PID namespace, so that nothing of it survives us.
	t, err := newThread(func() error { return unshare(unix.CLONE_NEWNS) })
	if err != nil {
		return err
	}
	defer t.close()
	args = append([]string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"}, args...)
	_, err = run(ctx, command(ctx, nil, args...), t.start, append([]string{"mmdebstrap", suite}, archive...))
	return err
}

// mmdebstrapArgs is what makes the root of a suite what it is.
func mmdebstrapArgs(suite string) []string {
	return []string{
		"mmdebstrap", "--variant=minbase",
		"--include=" + strings.Join(packages(suite), ","),
		// The root is made anew if the power fails, and syncing every file
		// takes a third of the time.
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--customize-hook=" + customize,
	}
}

// packages returns what is installed in the root of suite: enough for the
// tests of every job of netbrk, so that the cache is seldom rebuilt.
func packages(suite string) []string {
	names := []string{
		"systemd", "systemd-sysv", "dbus", "iproute2", "iputils-ping", "procps",
		"isc-dhcp-client", "networkd-dispatcher", "network-manager", "chrony", "curl",
	}
	if suite != "bullseye" { // there it is a part of systemd
		names = append(names, "systemd-resolved")
	}
	return names
}

// rootKey names the root of suite by all that goes into it.
func rootKey(suite string) string {
	sum := sha256.Sum256([]byte(strings.Join(mmdebstrapArgs(suite), "\x00")))
	return suite + "-" + hex.EncodeToString(sum[:6])
}

// deleteOld deletes the roots of suite that an older harness made and that
// nobody holds.
func (c *Cache) deleteOld(suite, key string) error {
	locks, err := filepath.Glob(filepath.Join(c.dir, suite+"-*.lock"))
	if err != nil {
		return err
	}
	for _, name := range locks {
		dir := strings.TrimSuffix(name, ".lock")
		if filepath.Base(dir) == key {
			continue
		}
		if err := deleteUnheld(dir, name); err != nil {
			return fmt.Errorf("deleting old root %q: %w", filepath.Base(dir), err)
		}
	}
	return nil
}

func deleteUnheld(dir, lockName string) error {
	lock, err := os.OpenFile(lockName, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer lock.Close()
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil // in use by another run
	}
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+".partial"), os.Remove(lockName))
}

// flock locks f, waiting for others that hold it.
func flock(ctx context.Context, f *os.File, how int) error {
	// Another descriptor of the same lock: once nobody waits for the result any
	// more, f may be closed and its number be another file's.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	locked := make(chan error, 1)
	go func() {
		defer unix.Close(fd)
		err := unix.Flock(fd, how)
		for errors.Is(err, unix.EINTR) {
			err = unix.Flock(fd, how)
		}
		locked <- err
	}()
	select {
	case err := <-locked:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for another run to make it: %w", ctx.Err())
	}
}
