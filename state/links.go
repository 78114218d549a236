package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// LinkRecord is the last known state of a link, as links/<ifindex>.json: what
// the next start of the watcher compares the present with. Record 0 is the
// host's: networkd's manager, the rules, and routes without a link.
type LinkRecord struct {
	Index  int            `json:"ifindex"`
	Name   string         `json:"name,omitempty"`
	States hostnet.States `json:"states,omitempty"`
	// Addresses, Routes and Rules stand for whole sets, Lease for a lease.
	Addresses SetDigest         `json:"addresses"`
	Routes    SetDigest         `json:"routes"`
	Rules     SetDigest         `json:"rules"`
	Lease     hostnet.LeaseMark `json:"lease,omitzero"`
	// Telling are the events that led to this, while they may not be in the spool.
	Telling []hostnet.Event `json:"telling,omitempty"`
	// Seq is the highest sequence number given out when this was saved.
	Seq uint64 `json:"seq"`
}

// SetDigest stands for a set of addresses, routes or rules: equal sets have
// equal digests, in whichever order they were told. It keeps a record small
// where a link has 10,000 addresses or a table a million routes.
type SetDigest struct {
	Count int    `json:"count"`
	Sum   uint64 `json:"sum,string"`
}

// Links keeps the records of links. One goroutine owns it.
type Links struct{ dir string }

// OpenLinks opens the records under the state directory root for LockWatch's
// holder.
func OpenLinks(root string) (*Links, error) {
	if err := makeDirs(root, linksDir); err != nil {
		return nil, err
	}
	l := &Links{filepath.Join(root, linksDir)}
	return l, clearTemps(l.dir)
}

// Load returns every record that can be read. One that cannot is as good as
// missing: it is rebuilt.
func (l *Links) Load() (map[int]LinkRecord, error) { return readLinks(l.dir, os.Geteuid()) }

// readLinks reads the records in a directory that are files of one of the owners.
func readLinks(dir string, owners ...int) (map[int]LinkRecord, error) {
	records, err := readIndexed(maxFile, dir, recordIndex, owners...)
	if err != nil {
		return nil, fmt.Errorf("reading link records: %w", err)
	}
	return records, nil
}

// Save writes a record.
func (l *Links) Save(r LinkRecord) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding link record: %w", err)
	}
	return writeFile(l.dir, indexName(r.Index), data, 0o644)
}

// Remove deletes the record of a link that is gone.
func (l *Links) Remove(index int) error {
	return ignoreMissing(os.Remove(filepath.Join(l.dir, indexName(index))))
}

// LookAtLinks returns the watcher's records for those who show them and trust
// nothing in them: they are another user's. What cannot be read is left out.
func LookAtLinks(root string) (map[int]LinkRecord, error) {
	dir := filepath.Join(root, linksDir)
	owner, err := dirOwner(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records, err := readLinks(dir, owner, os.Geteuid())
	if err != nil {
		return nil, err
	}
	for index, r := range records {
		if !r.check() {
			delete(records, index)
		}
	}
	return records, nil
}

// LookAtLink returns the watcher's record of one link, as LookAtLinks does; one that
// cannot be read is empty.
func LookAtLink(root string, index int) LinkRecord {
	dir := filepath.Join(root, linksDir)
	owner, err := dirOwner(dir)
	if err != nil {
		return LinkRecord{}
	}
	r, ok := readOne(maxFile, dir, index, recordIndex, owner, os.Geteuid())
	if !ok || !r.check() {
		return LinkRecord{}
	}
	return r
}

func recordIndex(r LinkRecord) int { return r.Index }

// check drops the words that are no states, and reports whether the name is one.
func (r LinkRecord) check() bool {
	maps.DeleteFunc(r.States, func(p hostnet.Property, word string) bool { return !hostnet.IsState(p, word) })
	return r.Name == "" || hostnet.ValidLinkName(r.Name)
}
