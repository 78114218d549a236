package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// CloudPending is the writer's side of cloud-pending: an empty file, named after
// its ifindex, for a link that appeared and may be a NIC of the metadata. It is
// a level for the whole host, since cloud-sync looks at every NIC: while any
// link waits, further ones need not.
type CloudPending struct{ root string }

// NewCloudPending returns the writer's side below the state directory root,
// where nothing need exist.
func NewCloudPending(root string) *CloudPending { return &CloudPending{root} }

// Put has the metadata asked for the link. Where cloud-sync knows of no NIC, as
// outside a cloud, or where nobody made the directory, it does nothing: entries
// that nobody takes would pile up on a host of many containers.
func (p *CloudPending) Put(index int) error {
	known, err := visible(filepath.Join(p.root, cloudLinksDir))
	if err = ignoreMissing(err); err != nil {
		return fmt.Errorf("looking for NICs of the metadata: %w", err)
	}
	if len(known) == 0 {
		return nil
	}
	dir := filepath.Join(p.root, cloudPendingDir)
	waiting, err := visible(dir)
	if errors.Is(err, fs.ErrNotExist) || len(waiting) > 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", cloudPendingDir, err)
	}
	return putPending(dir, index)
}

// TakeCloudPending removes all that waits. cloud-sync calls it before anything that
// may fail, and before it asks: what is left behind would have the path unit start
// the next run at once.
func TakeCloudPending(root string) error { return takePending(root, cloudPendingDir) }
