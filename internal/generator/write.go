package generator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts entries below dir, each of them whole or not at all. One that cannot
// be written ends it.
func Write(dir string, entries []Entry) error {
	for _, e := range entries {
		if err := e.write(filepath.Join(dir, e.Path)); err != nil {
			return fmt.Errorf("writing %q: %w", filepath.Join(dir, e.Path), err)
		}
	}
	return nil
}

// write makes the entry under a hidden name first, which systemd passes by. Nobody
// else writes there: each run of the generators has directories of its own.
func (e Entry) write(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	partial := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".tmp")
	err := os.Remove(partial) // of a run by hand that was killed
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if e.Target != "" {
		err = os.Symlink(e.Target, partial)
	} else {
		err = os.WriteFile(partial, []byte(e.Text), 0o644)
	}
	if err == nil {
		err = os.Rename(partial, name)
	}
	if err != nil {
		_ = os.Remove(partial)
	}
	return err
}
