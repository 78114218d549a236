package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// maxFile bounds a file that is read back, in bytes. The largest of them is
	// a hook's result, with 4 KiB of output.
	maxFile = 64 << 10
	// maxOwn bounds one that only we write, and that grows with a link's addresses.
	maxOwn = 16 << 20
)

// writeFile puts data at dir/name whole: a reader sees the old content or the
// new one, never a part, also when the writer is killed at any line. The
// temporary name is hidden, since DirectoryNotEmpty= of systemd.path(5) and
// our own readers pass hidden names by.
func writeFile(dir, name string, data []byte, mode fs.FileMode) (err error) {
	tmp := tempPath(dir, name)
	f, err := createTemp(tmp, mode)
	if err != nil {
		return fmt.Errorf("writing %q: %w", filepath.Join(dir, name), err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
			err = fmt.Errorf("writing %q: %w", filepath.Join(dir, name), err)
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

// tempPath is where dir/name is written before it is whole.
func tempPath(dir, name string) string { return filepath.Join(dir, "."+name+".tmp") }

// createTemp makes a file that did not exist: what a killed writer left under
// that name is removed first, and nothing that somebody planted is opened.
func createTemp(path string, mode fs.FileMode) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | syscall.O_NOFOLLOW
	f, err := os.OpenFile(path, flags, mode)
	if errors.Is(err, fs.ErrExist) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(path, flags, mode)
	}
	if err != nil {
		return nil, err
	}
	// The umask of whoever started us must not hide state from `status`.
	if err := f.Chmod(mode); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// clearTemps removes what writers that were killed left in dir. Only the one
// writer of dir may call it, before it writes.
func clearTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for temporary files: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if err := ignoreMissing(os.Remove(filepath.Join(dir, e.Name()))); err != nil {
			return fmt.Errorf("removing temporary file: %w", err)
		}
	}
	return nil
}

// writeIfChanged is writeFile, unless the file has these bytes already.
func writeIfChanged(dir, name string, data []byte, mode fs.FileMode) error {
	old, err := readUpTo(maxOwn, filepath.Join(dir, name), os.Geteuid())
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	return writeFile(dir, name, data, mode)
}

// errHostile marks a file that is not what an honest writer leaves.
var errHostile = errors.New("refused")

// readFile is readUpTo for files of the common size.
func readFile(path string, owners ...int) ([]byte, error) { return readUpTo(maxFile, path, owners...) }

// readUpTo reads a whole file of at most limit bytes that one of the owners (or
// root) must own. A link, a device, a fifo or an oversized file is refused, and
// opening it neither blocks nor has an effect on it.
func readUpTo(limit int, path string, owners ...int) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%w: a symbolic link", errHostile)
	case errors.Is(err, unix.ENXIO): // a socket, open(2)
		return nil, fmt.Errorf("%w: not a regular file", errHostile)
	case errors.Is(err, unix.EACCES): // our writers make files readable by all
		return nil, fmt.Errorf("%w: not readable", errHostile)
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if err := checkFile(fd, limit, owners); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%w: larger than %d bytes", errHostile, limit)
	}
	return data, nil
}

// readJSON decodes a file that only we write, and reports whether that went well.
func readJSON(path string, into any) bool {
	raw, err := readUpTo(maxOwn, path, os.Geteuid())
	return err == nil && json.Unmarshal(raw, into) == nil
}

func checkFile(fd, limit int, owners []int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("reading file status: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%w: not a regular file", errHostile)
	}
	if st.Size > int64(limit) {
		return fmt.Errorf("%w: %d bytes, larger than %d", errHostile, st.Size, limit)
	}
	// Why a file is refused is told to everybody, in words of the file. Our writers
	// make theirs for all to read; another one is a file from elsewhere that was
	// given a second name here, link(2).
	if st.Mode&unix.S_IROTH == 0 {
		return fmt.Errorf("%w: not readable by all", errHostile)
	}
	for _, uid := range append(owners, 0) {
		if int(st.Uid) == uid {
			return nil
		}
	}
	return fmt.Errorf("%w: owned by uid %d", errHostile, st.Uid)
}
