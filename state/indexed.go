package state

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
)

// indexName is the file name for what is kept per link.
func indexName(index int) string { return strconv.Itoa(index) + ".json" }

// indexOf reads a name back. Only the very name that indexName gives is accepted.
func indexOf(name string) (int, bool) {
	digits, ok := strings.CutSuffix(name, ".json")
	if !ok {
		return 0, false
	}
	index, err := strconv.Atoi(digits)
	if err != nil || index < 0 || strconv.Itoa(index) != digits {
		return 0, false
	}
	return index, true
}

// readIndexed returns what is kept per link in a directory, which need not exist, in
// files of one of the owners. A file that cannot be read, or whose content has another
// index than its name, is passed by: it is as good as missing.
func readIndexed[T any](limit int, dir string, index func(T) int, owners ...int) (map[int]T, error) {
	names, err := visible(dir)
	if err = ignoreMissing(err); err != nil {
		return nil, err
	}
	all := make(map[int]T)
	for _, name := range names {
		named, ok := indexOf(name)
		if !ok {
			continue
		}
		if one, ok := readOne(limit, dir, named, index, owners...); ok {
			all[named] = one
		}
	}
	return all, nil
}

// readOne returns what is kept for one link, as readIndexed does.
func readOne[T any](limit int, dir string, named int, index func(T) int, owners ...int) (one T, ok bool) {
	raw, err := readUpTo(limit, filepath.Join(dir, indexName(named)), owners...)
	if err != nil || json.Unmarshal(raw, &one) != nil || index(one) != named {
		var none T
		return none, false
	}
	return one, true
}
