package udev

import (
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// maxAttribute bounds a file of sysfs, which is a page at most.
	maxAttribute = 4 << 10
	// maxFile bounds an entry of udev's database.
	maxFile = 64 << 10
)

// tree reads files below a root. Symbolic links lead anywhere below it, and
// those of sysfs do; none leads out of it (os.Root).
type tree struct{ root *os.Root }

func openTree(dir string) (tree, error) {
	root, err := os.OpenRoot(dir)
	return tree{root}, err
}

func (t tree) close() { _ = t.root.Close() }

// read returns a file's content; nothing if it cannot be read, is not a
// regular file or is too large to be one of udev's.
func (t tree) read(name string) []byte {
	// O_NONBLOCK: to open a pipe would else wait for its writer.
	f, err := t.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil || len(raw) > maxFile {
		return nil
	}
	return raw
}

// attribute returns the one line of a sysfs attribute, if it is printable.
func (t tree) attribute(dir, name string) string {
	raw := t.read(path.Join(dir, name))
	if len(raw) > maxAttribute {
		return ""
	}
	line := strings.TrimSpace(string(raw))
	if !hostnet.PrintableText(line, maxTextBytes) {
		return ""
	}
	return line
}

// linkBase returns the last element of where a symbolic link leads to, which
// in sysfs is the name of what it leads to.
func (t tree) linkBase(dir, name string) string {
	target, err := t.root.Readlink(path.Join(dir, name))
	if err != nil || !hostnet.PrintableText(path.Base(target), maxTextBytes) {
		return ""
	}
	return path.Base(target)
}

// maxLinks bounds the symbolic links on the way to a device; there are two.
const maxLinks = 8

// resolve returns the path of a directory with no symbolic link in it, so that
// its parents are those of the device.
func (t tree) resolve(name string) (string, bool) {
	parts := strings.Split(path.Clean(name), "/")
	links := 0
	for i := 0; i < len(parts); i++ {
		prefix := path.Join(parts[:i+1]...)
		info, err := t.root.Lstat(prefix)
		if err != nil {
			return "", false
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := t.root.Readlink(prefix)
		if links++; err != nil || links > maxLinks || path.IsAbs(target) {
			return "", false
		}
		rest := path.Join(append([]string{path.Dir(prefix), target}, parts[i+1:]...)...)
		if rest == ".." || strings.HasPrefix(rest, "../") {
			return "", false
		}
		parts, i = strings.Split(rest, "/"), -1
	}
	return path.Join(parts...), true
}
