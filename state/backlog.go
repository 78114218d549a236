package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Backlog is what waits in one of the directories that a oneshot empties.
type Backlog struct {
	// Name is that of the directory below the state directory.
	Name string
	// Pending counts its entries, Oldest is when the first of them was written.
	Pending int
	Oldest  time.Time
}

// Backlogs looks at what waits under the state directory root, by the names alone.
// Directories that do not exist have nothing in them.
func Backlogs(root string) ([]Backlog, error) {
	var all []Backlog
	var errs []error
	for _, name := range append(spoolDirs(), rulesPendingDir, cloudPendingDir, leasesPendingDir) {
		b := Backlog{Name: name}
		entries, err := visible(filepath.Join(root, name))
		if err = ignoreMissing(err); err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", name, err))
			continue
		}
		for _, entry := range entries {
			info, err := os.Lstat(filepath.Join(root, name, entry))
			if err != nil {
				continue // taken just now
			}
			b.Pending++
			if at := info.ModTime(); b.Oldest.IsZero() || at.Before(b.Oldest) {
				b.Oldest = at
			}
		}
		all = append(all, b)
	}
	return all, errors.Join(errs...)
}
