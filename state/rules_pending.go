package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// RulesPending is the writer's side of rules-pending: an empty file, named after
// its ifindex, for each link whose policy routing is to be looked at. It is
// a level: a link that waits already does not wait twice.
type RulesPending struct{ dir string }

// OpenRulesPending opens the directory under the state directory root, and
// makes it where it is missing.
func OpenRulesPending(root string) (*RulesPending, error) {
	if err := makeDirs(root, rulesPendingDir); err != nil {
		return nil, err
	}
	return &RulesPending{filepath.Join(root, rulesPendingDir)}, nil
}

// LookAtRulesPending returns the directory as it is. It need not exist: then Put
// fails with fs.ErrNotExist.
func LookAtRulesPending(root string) *RulesPending {
	return &RulesPending{filepath.Join(root, rulesPendingDir)}
}

// Put has the link looked at. The file has no content, so it is whole as soon
// as it is there.
func (p *RulesPending) Put(index int) error {
	if err := ignoreExisting(touch(filepath.Join(p.dir, strconv.Itoa(index)))); err != nil {
		return fmt.Errorf("spooling link %d for its rules: %w", index, err)
	}
	return nil
}

// touch makes an empty file, which must not be there.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

func ignoreExisting(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Empty reports whether nothing waits.
func (p *RulesPending) Empty() (bool, error) {
	names, err := visible(p.dir)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", rulesPendingDir, err)
	}
	return len(names) == 0, nil
}

// RulesQueue is the reader's side of rules-pending. What it finds there is a
// hint to look, from whoever may write there; no content is ever read.
type RulesQueue struct {
	path   string
	dir    *os.Root
	arrive *arrivals
}

// OpenRulesQueue opens the directory under the state directory root. It does not
// make it: where it is missing, fs.ErrNotExist, nothing is pending, and one of
// ours might be one that the watcher cannot write to.
func OpenRulesQueue(root string, log *slog.Logger) (*RulesQueue, error) {
	if err := checkRoot(root); err != nil {
		return nil, fmt.Errorf("opening %s: %w", rulesPendingDir, err)
	}
	path := filepath.Join(root, rulesPendingDir)
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", rulesPendingDir, err)
	}
	arrive, err := watchArrivals(log, path)
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &RulesQueue{path: path, dir: dir, arrive: arrive}, nil
}

// Close releases the directory.
func (q *RulesQueue) Close() error { return errors.Join(q.arrive.close(), q.dir.Close()) }

// Take removes all that waits and returns how many there were. It is called
// before the kernel is read: what changes after that comes as a new file. A run
// that is killed in between is started again, and looks at every link.
func (q *RulesQueue) Take() (int, error) { return takeAll(q.dir, q.path) }

// takeAll removes all entries of dir, which is at path, and returns how many there
// were.
func takeAll(dir *os.Root, path string) (int, error) {
	names, err := visible(path)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", filepath.Base(path), err)
	}
	for _, name := range names {
		if err := removeEntry(dir, name); err != nil {
			return 0, fmt.Errorf("taking %q from %s: %w", name, filepath.Base(path), err)
		}
	}
	return len(names), nil
}

// removeEntry removes an entry, whatever it is. A directory that somebody else
// planted may have content that root without CAP_DAC_OVERRIDE may not remove; under
// a hidden name it starts no service again. That name is nobody's to foresee, nor
// made of the old one, which may be as long as a name can be.
func removeEntry(dir *os.Root, name string) error {
	// os.Root: nothing is followed out of the directory.
	if err := dir.RemoveAll(name); err == nil {
		return nil
	}
	return dir.Rename(name, ".refused-"+strconv.FormatUint(rand.Uint64(), 36))
}

// Wait blocks until something new may wait, and returns true, or until nothing
// came for quiet, and returns false.
func (q *RulesQueue) Wait(ctx context.Context, quiet time.Duration) (bool, error) {
	return q.arrive.wait(ctx, quiet)
}
