package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Leases keeps the leases of ISC dhclient as they were last seen, a file per
// link. Only LockLeases' holder writes; everybody may read.
type Leases struct{ dir string }

// OpenLeases opens them under the state directory root for LockLeases' holder.
func OpenLeases(root string) (*Leases, error) {
	if err := makeDirs(root, leasesDir); err != nil {
		return nil, err
	}
	l := LookAtLeases(root)
	return l, clearTemps(l.dir)
}

// LookAtLeases returns them for reading alone; they need not exist.
func LookAtLeases(root string) *Leases { return &Leases{filepath.Join(root, leasesDir)} }

// Load returns what is kept of each link, by its name. A file that cannot be read
// is as good as missing: its lease is taken for a new one.
func (l *Leases) Load() (map[string]report.LinkLeases, error) {
	entries, err := os.ReadDir(l.dir)
	if err = ignoreMissing(err); err != nil {
		return nil, fmt.Errorf("reading leases: %w", err)
	}
	links := make(map[string]report.LinkLeases)
	for _, e := range entries {
		// Not visible(): ".a" is a name that a link can have.
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			if held, ok := l.Get(name); ok {
				links[name] = held
			}
		}
	}
	return links, nil
}

// Get returns what is kept of one link.
func (l *Leases) Get(link string) (report.LinkLeases, bool) {
	if !hostnet.ValidLinkName(link) { // it is about to be a part of a path
		return report.LinkLeases{}, false
	}
	var held report.LinkLeases
	ok := readJSON(filepath.Join(l.dir, leaseName(link)), &held) && held.Link == link
	return held, ok
}

// Save writes what is kept of a link, if it differs from what is there.
func (l *Leases) Save(held report.LinkLeases) error {
	if !hostnet.ValidLinkName(held.Link) {
		return fmt.Errorf("keeping leases: %q is not the name of a link", held.Link)
	}
	data, err := json.Marshal(held)
	if err != nil {
		return fmt.Errorf("encoding leases of %q: %w", held.Link, err)
	}
	return writeIfChanged(l.dir, leaseName(held.Link), data, 0o644)
}

// Remove deletes what is kept of a link.
func (l *Leases) Remove(link string) error {
	if !hostnet.ValidLinkName(link) {
		return nil
	}
	return ignoreMissing(os.Remove(filepath.Join(l.dir, leaseName(link))))
}

func leaseName(link string) string { return link + ".json" }
