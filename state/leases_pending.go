package state

import (
	"fmt"
	"path/filepath"
)

// LeasesPending is the writer's side of leases-pending: an empty file, named
// after its ifindex, for a link whose lease is to be looked at; 0 stands for all.
// It is a level for the whole host, since all lease files are read at once.
type LeasesPending struct{ dir string }

// NewLeasesPending returns the writer's side below the state directory root. As
// with cloud-pending, nobody reads it where nobody made it.
func NewLeasesPending(root string) *LeasesPending {
	return &LeasesPending{filepath.Join(root, leasesPendingDir)}
}

// Make makes the directory where it is missing: for a watcher that starts the
// reader itself.
func (p *LeasesPending) Make() error { return makeDirs(filepath.Dir(p.dir), leasesPendingDir) }

// Put has the lease of the link looked at.
func (p *LeasesPending) Put(index int) error {
	if err := ignoreMissing(putPending(p.dir, index)); err != nil {
		return fmt.Errorf("having the lease of link %d looked at: %w", index, err)
	}
	return nil
}

// Empty reports whether nothing waits.
func (p *LeasesPending) Empty() (bool, error) { return nothingWaits(p.dir) }

// TakeLeasesPending removes all that waits. It is called before anything that may
// fail, and before the lease files are read: what is left behind would have the
// path unit start the next run at once, and what comes later is a new file.
func TakeLeasesPending(root string) error { return takePending(root, leasesPendingDir) }
