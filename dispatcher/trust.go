package dispatcher

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Trust says whose scripts are run. The zero value trusts root alone.
//
// A script is trusted if nobody else can have written it, nor can put another
// in its place: it, every directory above it, and every directory that holds
// a symbolic link on the way belong to root or UID and are writable by neither
// group nor others. A sticky bit is no excuse: it keeps others from replacing
// a file, not from being there first. An access control list that lets someone
// else write shows in the group's mode bits, acl(5), so it is covered.
//
// networkd-dispatcher checked a script by one look at its path and ran it by
// another, and took the directory from a message: CVE-2022-29800 and -29799.
// Here the second look is safe because it finds what the first one found: each
// component was looked up in a directory that only root and UID can change,
// starting from "/", so nobody else can turn the resolved path elsewhere.
type Trust struct {
	// UID is the user netbrk runs as, trusted besides root.
	UID int
	// Root is where the checks begin for paths below it; empty means "/". It
	// must hold no symbolic link. Tests use it: they live below a /tmp that
	// everybody can write to.
	Root string
}

// maxSymlinks is MAXSYMLINKS of linux/namei.h: execve(2) follows no more.
const maxSymlinks = 40

// walk resolves paths by a Trust. Its verdicts on directories hold for one
// search: the next one looks again.
type walk struct {
	trust Trust
	dirs  map[string]error
}

func newWalk(t Trust) *walk {
	return &walk{trust: t, dirs: make(map[string]error)}
}

// script returns the path of what runs when path is executed, without any
// symbolic link, or the reason why it must not run.
func (w *walk) script(path string) (string, error) {
	resolved, st, err := w.resolve(path)
	if err != nil {
		return "", err
	}
	if err := w.trust.checkScript(resolved, st); err != nil {
		return "", err
	}
	return resolved, nil
}

// directory returns path without any symbolic link, or the reason why nothing
// in it must run.
func (w *walk) directory(path string) (string, error) {
	resolved, st, err := w.resolve(path)
	if err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fmt.Errorf("%s is not a directory", word(resolved))
	}
	return resolved, w.check(resolved)
}

// resolve follows path component by component as the kernel does, path_resolution(7),
// and stops at the first directory that is not trusted.
func (w *walk) resolve(path string) (string, unix.Stat_t, error) {
	at, rest := w.trust.begin(path)
	st, err := lstat(at)
	for links := 0; err == nil && len(rest) > 0; {
		if err = w.check(at); err != nil {
			break
		}
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..": // at holds no symbolic link: its parent is that of its name
			at = filepath.Dir(at)
			st, err = lstat(at)
			continue
		}
		next := filepath.Join(at, name)
		if st, err = lstat(next); err != nil {
			break
		}
		switch {
		case st.Mode&unix.S_IFMT != unix.S_IFLNK:
			at = next
			if len(rest) > 0 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
				err = fmt.Errorf("%s is not a directory", word(at))
			}
		case links == maxSymlinks:
			err = fmt.Errorf("%s is a symbolic link after %d others: is it a loop?", word(next), links)
		default:
			links++
			if at, rest, err = w.follow(at, next, rest); err == nil {
				st, err = lstat(at)
			}
		}
	}
	return at, st, err
}

// follow reads the symbolic link in directory at, and returns where to go on.
func (w *walk) follow(at, link string, rest []string) (string, []string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(link, buf)
	if err != nil {
		return at, nil, &fs.PathError{Op: "readlink", Path: link, Err: err}
	}
	target := string(buf[:n])
	more := strings.Split(target, "/")
	if strings.HasPrefix(target, "/") {
		at, more = w.trust.begin(target)
	}
	return at, append(more, rest...), nil
}

// check returns why a directory, given without symbolic links, or one above it
// is not trusted.
func (w *walk) check(dir string) error {
	if err, known := w.dirs[dir]; known {
		return err
	}
	var err error
	if dir != w.trust.root() && dir != "/" {
		err = w.check(filepath.Dir(dir))
	}
	if err == nil {
		var st unix.Stat_t
		if st, err = lstat(dir); err == nil {
			err = w.trust.checkOwner(dir, st)
		}
	}
	w.dirs[dir] = err
	return err
}

func (t Trust) root() string {
	if t.Root == "" {
		return "/"
	}
	return t.Root
}

// begin splits an absolute path into where its checks begin and the components
// to follow from there. It must not clean it: "a/.." is not "." if a is a
// symbolic link.
func (t Trust) begin(path string) (string, []string) {
	if t.root() != "/" {
		if path == t.Root {
			return t.Root, nil
		}
		if below, ok := strings.CutPrefix(path, t.Root+"/"); ok {
			return t.Root, strings.Split(below, "/")
		}
	}
	return "/", strings.Split(path, "/")
}

func (t Trust) checkOwner(path string, st unix.Stat_t) error {
	if st.Uid != 0 && int(st.Uid) != t.UID {
		who := "root"
		if t.UID != 0 {
			who = fmt.Sprintf("root or uid %d", t.UID)
		}
		return fmt.Errorf("%s is owned by uid %d, not by %s: chown root %[1]s", word(path), st.Uid, who)
	}
	var who string
	switch mode := st.Mode & 0o022; mode {
	case 0:
		return nil
	case 0o020:
		who = "group"
	case 0o002:
		who = "others"
	default:
		who = "group and others"
	}
	hint := "chmod go-w " + word(path)
	if st.Mode&unix.S_ISVTX != 0 { // meant to be so, as /tmp is
		hint = "keep hooks elsewhere"
	}
	return fmt.Errorf("%s is writable by %s (mode %s): %s", word(path), who, octal(st.Mode), hint)
}

func (t Trust) checkScript(path string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%s is not a regular file", word(path))
	}
	if err := t.checkOwner(path, st); err != nil {
		return err
	}
	if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		return fmt.Errorf("%s is set-user-ID or set-group-ID (mode %s): chmod ug-s %[1]s", word(path), octal(st.Mode))
	}
	if st.Mode&unix.S_IXUSR == 0 {
		return fmt.Errorf("%s is not executable (mode %s): chmod +x %[1]s", word(path), octal(st.Mode))
	}
	// Of another user than ourselves the kernel tells nothing more.
	if t.UID != unix.Geteuid() || unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) == nil {
		return nil
	}
	// Debian's initramfs mounts /run so, and it is one of the usual roots.
	var vfs unix.Statfs_t
	if unix.Statfs(path, &vfs) == nil && vfs.Flags&unix.ST_NOEXEC != 0 {
		return fmt.Errorf("%s lies on a file system that is mounted noexec", word(path))
	}
	return fmt.Errorf("%s is not executable by uid %d (mode %s): chmod +x %[1]s", word(path), t.UID, octal(st.Mode))
}

func lstat(path string) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return st, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return st, nil
}

func octal(mode uint32) string { return fmt.Sprintf("%04o", mode&0o7777) }

// word returns path as a user can paste it into a shell.
func word(path string) string { return hostnet.ShellWord(path) }
