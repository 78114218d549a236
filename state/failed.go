package state

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// maxFailed is how many refused entries are kept.
	maxFailed = 100
	// maxWhy bounds a reason, in bytes, as it may be read by all: the words of a parser
	// may have some of the file in them.
	maxWhy = 200
)

// Failure tells of a spool entry that was refused. Only its name is kept,
// never its content: that is another user's.
type Failure struct {
	Entry string    `json:"entry"`
	Why   string    `json:"why"`
	Time  time.Time `json:"time"`
}

// keepFailure adds a refused entry to those under the state directory root.
func keepFailure(root, entry, why string) error {
	if err := makeDirs(root, failedDir); err != nil {
		return err
	}
	data, err := json.Marshal(Failure{Entry: strings.ToValidUTF8(entry, "?"), Why: hostnet.MakePrintable(why, maxWhy), Time: time.Now()})
	if err != nil {
		return fmt.Errorf("encoding failure: %w", err)
	}
	return keepNumbered(filepath.Join(root, failedDir), data, maxFailed)
}

// Failures returns the entries that were refused, oldest first. A record that cannot
// be read is passed by.
func Failures(root string) ([]Failure, error) {
	var all []Failure
	err := readNumbered(filepath.Join(root, failedDir), func(raw []byte) {
		var f Failure
		if json.Unmarshal(raw, &f) == nil {
			all = append(all, f)
		}
	})
	return all, err
}
