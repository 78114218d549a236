package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/netbrk/netbrk/internal/report"
)

// Rules keeps what apply-rules wanted and did, a file per link. Only LockRules'
// holder writes; everybody may read.
type Rules struct{ root string }

// OpenRules opens the ledger under the state directory root for LockRules' holder.
func OpenRules(root string) (*Rules, error) {
	if err := makeDirs(root, rulesDir); err != nil {
		return nil, err
	}
	if err := clearTemps(filepath.Join(root, rulesDir)); err != nil {
		return nil, err
	}
	return &Rules{root}, nil
}

// LookAtRules returns the ledger for reading alone; it need not exist.
func LookAtRules(root string) *Rules { return &Rules{root} }

// Has reports whether something is kept of the link; of ifindex 0, of the host:
// that is so as long as any link has rules.
func (r *Rules) Has(index int) bool {
	_, err := os.Lstat(filepath.Join(r.root, rulesDir, indexName(index)))
	return err == nil
}

// Load returns every entry that can be read. One that cannot is as good as
// missing: the kernel tells what is ours.
func (r *Rules) Load() (map[int]report.LinkRules, error) {
	links, err := readIndexed(maxOwn, filepath.Join(r.root, rulesDir), func(l report.LinkRules) int { return l.Index }, os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("reading ledger of rules: %w", err)
	}
	return links, nil
}

// Save writes the entry of a link, if it differs from the one that is there.
func (r *Rules) Save(l report.LinkRules) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encoding ledger of rules: %w", err)
	}
	return writeIfChanged(filepath.Join(r.root, rulesDir), indexName(l.Index), data, 0o644)
}

// Remove deletes the entry of a link that has nothing of ours any more.
func (r *Rules) Remove(index int) error {
	return ignoreMissing(os.Remove(filepath.Join(r.root, rulesDir, indexName(index))))
}
