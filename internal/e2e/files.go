package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// openIn opens a file of the machine as its own processes would: symbolic links
// are followed inside the machine, never out of it. openat2(2).
func (m *Machine) openIn(name string, flags int, mode fs.FileMode) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_IN_ROOT,
	}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode.Perm())
	}
	for {
		fd, err := unix.Openat2(int(m.root.Fd()), name, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), "machine:"+name), nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			// A rename or mount anywhere while the kernel followed "..", of
			// which every link in /sys/class/net has some.
			continue
		}
		return nil, &fs.PathError{Op: "open", Path: "machine:" + name, Err: err}
	}
}

// ReadFile returns the content of a file of the machine.
func (m *Machine) ReadFile(name string) ([]byte, error) {
	f, err := m.openIn(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// WriteFile writes a file of the machine, owned by root and with exactly that
// mode, and the directories above it. The file is there whole or not at all.
func (m *Machine) WriteFile(name string, content []byte, mode fs.FileMode) error {
	return m.write(name, bytes.NewReader(content), mode)
}

// CopyIn copies a file of this machine into the other, with its mode.
func (m *Machine) CopyIn(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return m.write(to, f, info.Mode())
}

func (m *Machine) write(name string, content io.Reader, mode fs.FileMode) error {
	name = path.Clean("/" + name)
	if err := m.mkdirAll(path.Dir(name)); err != nil {
		return err
	}
	dir, err := m.openIn(path.Dir(name), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()

	partial := path.Join(path.Dir(name), "."+path.Base(name)+".partial")
	f, err := m.openIn(partial, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = f.Chmod(mode) // whatever our umask
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = unix.Renameat(int(dir.Fd()), path.Base(partial), int(dir.Fd()), path.Base(name))
	}
	if err != nil {
		return fmt.Errorf("writing %q in the machine: %w", name, err)
	}
	return nil
}

// mkdirAll makes a directory and those above it.
func (m *Machine) mkdirAll(name string) error {
	dir, err := m.openIn(name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == nil {
		return dir.Close()
	}
	if err := m.mkdirAll(path.Dir(name)); err != nil {
		return err
	}
	parent, err := m.openIn(path.Dir(name), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := unix.Mkdirat(int(parent.Fd()), path.Base(name), 0o755); err != nil {
		return fmt.Errorf("making directory %q in the machine: %w", name, err)
	}
	f, err := m.openIn(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chmod(0o755) // whatever our umask
}
