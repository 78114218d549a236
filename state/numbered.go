package state

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// keepNumbered adds a file to a directory of which the newest so many are kept. Its
// name is the next number and not the time: of a clock that was set back the newest
// would be taken for the oldest.
func keepNumbered(dir string, data []byte, most int) error {
	names, err := visible(dir)
	if err != nil {
		return err
	}
	var last uint64
	for _, name := range names {
		if n, err := strconv.ParseUint(strings.TrimSuffix(name, ".json"), 10, 64); err == nil {
			last = max(last, n)
		}
	}
	next := strconv.FormatUint(last+1, 10) + ".json"
	if err := writeFile(dir, next, data, 0o644); err != nil {
		return err
	}
	names = append(names, next)
	slices.SortFunc(names, byLengthThenName)
	for _, name := range names[:max(len(names)-most, 0)] {
		if err := ignoreMissing(os.Remove(filepath.Join(dir, name))); err != nil {
			return err
		}
	}
	return nil
}

// readNumbered calls use with the content of every file that keepNumbered made, oldest
// first. A file that is not readable as such is passed by.
func readNumbered(dir string, use func(raw []byte)) error {
	names, err := visible(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	slices.SortFunc(names, byLengthThenName)
	for _, name := range names {
		if raw, err := readFile(filepath.Join(dir, name), os.Geteuid()); err == nil {
			use(raw)
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
