package state

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// putPending has a link wait in a directory: as an empty file, named after its ifindex.
// It has no content, so it is whole as soon as it is there. One that waits already
// does not wait twice.
func putPending(dir string, index int) error {
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(index)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// nothingWaits reports whether a directory, which need not exist, has no entry.
func nothingWaits(dir string) (bool, error) {
	names, err := visible(dir)
	if err = ignoreMissing(err); err != nil {
		return false, fmt.Errorf("reading %s: %w", filepath.Base(dir), err)
	}
	return len(names) == 0, nil
}

// takePending removes all that waits in one of the directories under the state
// directory root, which need not exist.
func takePending(root, name string) error {
	if err := checkRoot(root); err != nil {
		return ignoreMissing(err)
	}
	path := filepath.Join(root, name)
	dir, err := os.OpenRoot(path)
	if err != nil {
		return ignoreMissing(err)
	}
	defer dir.Close()
	return takeAll(dir, path)
}

// takeAll removes all entries of dir, which is at path.
func takeAll(dir *os.Root, path string) error {
	names, err := visible(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Base(path), err)
	}
	for _, name := range names {
		if err := removeEntry(dir, name); err != nil {
			return fmt.Errorf("taking %q from %s: %w", name, filepath.Base(path), err)
		}
	}
	return nil
}

// removeEntry removes an entry, whatever it is. A directory that somebody else
// planted may have content that root without CAP_DAC_OVERRIDE may not remove; under
// a hidden name it starts no service again. That name is nobody's to foresee, nor
// made of the old one, which may be as long as a name can be.
func removeEntry(dir *os.Root, name string) error {
	// os.Root: nothing is followed out of the directory.
	if err := dir.RemoveAll(name); err == nil {
		return nil
	}
	return dir.Rename(name, ".refused-"+strconv.FormatUint(rand.Uint64(), 36))
}
