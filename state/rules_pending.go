package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
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

// NewRulesPending returns the writer's side below the state directory root as it is.
// Where the directory is missing, Put fails with fs.ErrNotExist.
func NewRulesPending(root string) *RulesPending {
	return &RulesPending{filepath.Join(root, rulesPendingDir)}
}

// Put has the link looked at.
func (p *RulesPending) Put(index int) error {
	if err := putPending(p.dir, index); err != nil {
		return fmt.Errorf("spooling link %d for its rules: %w", index, err)
	}
	return nil
}

// Empty reports whether nothing waits.
func (p *RulesPending) Empty() (bool, error) { return nothingWaits(p.dir) }

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

// Take removes all that waits. It is called before the kernel is read: what changes
// after that comes as a new file. A run that is killed in between is started again,
// and looks at every link.
func (q *RulesQueue) Take() error { return takeAll(q.dir, q.path) }

// TakeRulesPending does so for whoever cannot go on to read the kernel.
func TakeRulesPending(root string) error { return takePending(root, rulesPendingDir) }

// Wait blocks until something new may wait, and returns true, or until nothing
// came for quiet, and returns false.
func (q *RulesQueue) Wait(ctx context.Context, quiet time.Duration) (bool, error) {
	return q.arrive.wait(ctx, quiet)
}
