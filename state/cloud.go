package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Cloud keeps what the metadata told. Only LockRules' holder writes; everybody
// may read.
type Cloud struct{ root string }

// OpenCloud opens it under the state directory root for LockRules' holder.
func OpenCloud(root string) (*Cloud, error) {
	if err := makeDirs(root, cloudDir, cloudLinksDir, cloudProviderDir); err != nil {
		return nil, err
	}
	dirs := []string{cloudDir, cloudLinksDir}
	entries, err := os.ReadDir(filepath.Join(root, cloudProviderDir))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", cloudProviderDir, err)
	}
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(cloudProviderDir, e.Name()))
		}
	}
	for _, dir := range dirs {
		if err := clearTemps(filepath.Join(root, dir)); err != nil {
			return nil, err
		}
	}
	return &Cloud{root}, nil
}

// LookAtCloud returns it for reading alone; it need not exist.
func LookAtCloud(root string) *Cloud { return &Cloud{root} }

// Has reports whether the link is a NIC of the metadata.
func (c *Cloud) Has(index int) bool {
	_, err := os.Lstat(filepath.Join(c.root, cloudLinksDir, indexName(index)))
	return err == nil
}

// Links returns what is kept of each NIC's link. What cannot be read is as good
// as missing: the next sync writes it anew.
func (c *Cloud) Links() (map[int]report.CloudLink, error) {
	links, err := readIndexed(maxOwn, filepath.Join(c.root, cloudLinksDir), func(l report.CloudLink) int { return l.Index }, os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("reading NICs of the metadata: %w", err)
	}
	return links, nil
}

// SaveLink writes what is kept of a NIC's link, if it differs.
func (c *Cloud) SaveLink(l report.CloudLink) error {
	return c.save(cloudLinksDir, indexName(l.Index), l)
}

// RemoveLink forgets a link.
func (c *Cloud) RemoveLink(index int) error {
	return ignoreMissing(os.Remove(filepath.Join(c.root, cloudLinksDir, indexName(index))))
}

// Sync returns what became of the last sync; the zero value before the first.
func (c *Cloud) Sync() report.CloudSync {
	var s report.CloudSync
	readJSON(filepath.Join(c.root, cloudDir, "sync.json"), &s)
	return s
}

// SaveSync writes what became of a sync, if it differs.
func (c *Cloud) SaveSync(s report.CloudSync) error { return c.save(cloudDir, "sync.json", s) }

// Synced notes that a sync ended just now, as the time of sync.json alone: one that
// finds all as it was writes nothing.
func (c *Cloud) Synced(now time.Time) error {
	return ignoreMissing(os.Chtimes(filepath.Join(c.root, cloudDir, "sync.json"), now, now))
}

// LastSync returns when the last sync ended; zero before the first.
func (c *Cloud) LastSync() time.Time {
	info, err := os.Lstat(filepath.Join(c.root, cloudDir, "sync.json"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// System returns the facts of the instance; the zero value where there are none.
func (c *Cloud) System() hostnet.System {
	var s hostnet.System
	readJSON(filepath.Join(c.root, cloudDir, "system.json"), &s)
	return s
}

// SaveSystem writes the facts of the instance, if they differ.
func (c *Cloud) SaveSystem(s hostnet.System) error { return c.save(cloudDir, "system.json", s) }

func (c *Cloud) save(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	return writeIfChanged(filepath.Join(c.root, dir), name, data, 0o644)
}

// SaveDocument keeps a document byte for byte: signed ones must not be formatted
// anew. Its name has a directory, such as "ec2/document".
func (c *Cloud) SaveDocument(name string, data []byte) error {
	dir, base, err := documentName(name)
	if err != nil {
		return err
	}
	below := cloudProviderDir + "/" + dir
	if err := makeDirs(c.root, below); err != nil {
		return err
	}
	return writeIfChanged(filepath.Join(c.root, below), base, data, 0o644)
}

// Document returns what SaveDocument kept, byte for byte. The error is
// fs.ErrNotExist where there is none.
func (c *Cloud) Document(name string) ([]byte, error) {
	dir, base, err := documentName(name)
	if err != nil {
		return nil, err
	}
	data, err := readUpTo(maxOwn, filepath.Join(c.root, cloudProviderDir, dir, base), os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("reading document %q of the metadata: %w", name, err)
	}
	return data, nil
}

func documentName(name string) (dir, base string, err error) {
	dir, base, found := strings.Cut(name, "/")
	if !found || dir == "" || base == "" || strings.ContainsAny(dir+base, "/.") {
		return "", "", fmt.Errorf("%q is no name of a document", name)
	}
	return dir, base, nil
}
