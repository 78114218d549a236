package state

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxFailed is how many refused or failed entries are kept.
const maxFailed = 100

// Failure tells of a spool entry that was refused. Only its name is kept,
// never its content: that is another user's.
type Failure struct {
	Entry string    `json:"entry"`
	Why   string    `json:"why"`
	Time  time.Time `json:"time"`
}

// failures is the directory failed/, bounded to the newest maxFailed.
type failures struct{ root string }

func (f *failures) keep(name, why string) error {
	if err := makeDirs(f.root, failedDir); err != nil {
		return err
	}
	data, err := json.Marshal(Failure{Entry: strings.ToValidUTF8(name, "?"), Why: hostnet.MakePrintable(why, maxWhy), Time: time.Now()})
	if err != nil {
		return fmt.Errorf("encoding failure: %w", err)
	}
	dir := filepath.Join(f.root, failedDir)
	// Numbered, since an entry's name may be anything, and not by the time: of a
	// clock that was set back the newest would be taken for the oldest.
	next, err := nextNumber(dir)
	if err != nil {
		return err
	}
	if err := writeFile(dir, strconv.FormatUint(next, 10)+".json", data, 0o644); err != nil {
		return err
	}
	return keepNewest(dir, maxFailed)
}

// maxWhy bounds a reason as it may be read by all: the words of a parser may have
// some of the file in them.
const maxWhy = 200

// Failures returns what could not be handled, oldest first.
func Failures(root string) ([]Failure, error) {
	var all []Failure
	err := readAll(filepath.Join(root, failedDir), func(raw []byte) error {
		var f Failure
		if err := json.Unmarshal(raw, &f); err != nil {
			return err
		}
		all = append(all, f)
		return nil
	})
	return all, err
}

// keepNewest removes the oldest of the files whose names sort by age.
func keepNewest(dir string, most int) error {
	names, err := visible(dir)
	if err != nil {
		return err
	}
	if len(names) <= most {
		return nil
	}
	slices.SortFunc(names, byLengthThenName)
	for _, name := range names[:len(names)-most] {
		if err := ignoreMissing(os.Remove(filepath.Join(dir, name))); err != nil {
			return err
		}
	}
	return nil
}

// readAll calls use with the content of every visible file that root or we
// own, in order of age. A file that is not readable as such is passed by.
func readAll(dir string, use func(raw []byte) error) error {
	names, err := visible(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	slices.SortFunc(names, byLengthThenName)
	for _, name := range names {
		raw, err := readFile(filepath.Join(dir, name), os.Geteuid())
		if err != nil {
			continue
		}
		if err := use(raw); err != nil {
			return fmt.Errorf("reading %q: %w", filepath.Join(dir, name), err)
		}
	}
	return nil
}

// byLengthThenName sorts decimal numbers without leading zeros by value.
func byLengthThenName(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
