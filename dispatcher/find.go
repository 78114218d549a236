package dispatcher

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Hook is a script that is trusted and wanted for an event.
type Hook struct {
	// Path is where the script was found, as its owner knows it.
	Path string
	// Target is what runs: Path without any symbolic link.
	Target string
	// Name is the last component of Path, the one that scripts are ordered by.
	Name string
	// Directory is the hook directory, such as "routable.d".
	Directory string
	// NetworkdDispatcher is true for a script of networkd-dispatcher's directories, which
	// has the environment that it knows from there.
	NetworkdDispatcher bool
}

// Skipped is a file in a hook directory that does not run, and why.
type Skipped struct {
	// Path is printable whatever the file is called, as Why is.
	Path string
	// Why names the object that is the cause, and what to type where that is known.
	Why string
}

// Plan is what an event leads to.
type Plan struct {
	// Hooks run one after another.
	Hooks []Hook
	// Refused are not trusted or cannot run: their owner should know.
	Refused []Skipped
	// Masked are disabled, or hidden by the same name in an earlier root: their
	// owner wanted that.
	Masked []Skipped
}

// Finder finds the scripts for an event.
type Finder struct {
	// Roots hold the hook directories; a name in an earlier one hides the same
	// name in a later one. One that is missing is no error.
	Roots []string
	// Trust says whose scripts run.
	Trust Trust
}

// Find returns what runs from directory, one of hostnet.Directories, for link;
// an empty link stands for an event that is about none.
//
// Besides directory itself, its subdirectories count that are named after the
// link or a glob that matches it. Scripts are ordered by their own name, byte by
// byte, wherever they lie; of equal names those for all links come first, then
// by the name of the subdirectory. A name hides, as an empty file or a link to
// /dev/null disables, the same name at the same place only: "50-dns" not
// "wg0/50-dns". A file hides a whole subdirectory of its name. A script that is
// refused hides others all the same: its owner meant to replace them. What lies
// in a directory that is not trusted hides nothing, as anybody can have put it
// there.
func (f Finder) Find(directory, link string) (Plan, error) {
	if !slices.Contains(hostnet.Directories(), directory) {
		return Plan{}, fmt.Errorf("finding hooks: %q is not a hook directory", directory)
	}
	if link != "" && !hostnet.ValidLinkName(link) {
		return Plan{}, fmt.Errorf("finding hooks in %q: %q is not the name of a link", directory, link)
	}
	return f.find(directory, link), nil
}

// find is Find with arguments that were checked.
func (f Finder) find(directory, link string) Plan {
	s := search{walk: newWalk(f.Trust), directory: directory, link: link, claims: make(map[string]string)}
	for _, root := range f.Roots {
		if !filepath.IsAbs(root) {
			s.refuse(root, fmt.Errorf("%s is not an absolute path", word(root)))
			continue
		}
		s.scan(filepath.Join(root, directory), "")
	}
	slices.SortStableFunc(s.found, compare)
	for _, h := range s.found {
		s.plan.Hooks = append(s.plan.Hooks, h.Hook)
	}
	return s.plan
}

// search is one Find under way.
type search struct {
	walk      *walk
	directory string
	link      string
	// every takes in the subdirectories of all links.
	every bool
	// claims maps a name, below a hook directory, to the file that has it first.
	claims map[string]string
	found  []placed
	plan   Plan
}

// placed is a hook and the subdirectory it lies in, empty for none.
type placed struct {
	Hook
	sub string
}

func compare(a, b placed) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.sub, b.sub))
}

// scan takes the scripts from dir; sub is the subdirectory that it is, empty for
// a hook directory itself.
func (s *search) scan(dir, sub string) {
	resolved, err := s.walk.directory(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.refuseAll(dir, sub, err)
		return
	}
	entries, err := os.ReadDir(resolved)
	if err != nil {
		s.refuse(dir, err)
	}
	for _, e := range entries {
		s.entry(dir, resolved, sub, e.Name())
	}
}

// entry looks at one name in dir, which is resolved without symbolic links.
func (s *search) entry(dir, resolved, sub, name string) {
	path, key := filepath.Join(dir, name), filepath.Join(sub, name)
	// This look decides what the entry is for, not whether it may run. It follows
	// symbolic links, since a link to a directory is a subdirectory.
	info, err := os.Stat(filepath.Join(resolved, name))
	isDir := err == nil && info.IsDir()
	switch {
	case isDir && (sub != "" || !s.serves(name)):
		return
	case !isDir && isLeftover(name):
		return
	case err != nil && isGone(filepath.Join(resolved, name)):
		return
	}
	if first, taken := s.claims[key]; taken {
		s.mask(path, fmt.Sprintf("is hidden by %s", word(first)))
		return
	}
	if isDir {
		s.scan(path, name)
		return
	}
	s.claims[key] = path
	switch {
	case err != nil:
		s.refuse(path, unfollowed(path, err))
	case isNull(info):
		s.mask(path, "is disabled: it is a link to /dev/null")
	case info.Mode().IsRegular() && info.Size() == 0:
		s.mask(path, "is disabled: it is empty")
	case !isPrintable(name):
		s.refuse(path, errors.New("its name is not printable"))
	default:
		s.script(path, filepath.Join(resolved, name), sub)
	}
}

func (s *search) script(path, lookup, sub string) {
	target, err := s.walk.script(lookup)
	if err != nil {
		s.refuse(path, err)
		return
	}
	s.found = append(s.found, placed{
		Hook: Hook{Path: path, Target: target, Name: filepath.Base(path), Directory: s.directory},
		sub:  sub,
	})
}

// isGone reports whether path itself is gone, rather than what it links to.
func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// unfollowed says why a name leads nowhere.
func unfollowed(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is a symbolic link to nothing", word(path))
	case errors.Is(err, unix.ELOOP):
		return fmt.Errorf("%s is a symbolic link in a loop", word(path))
	}
	return err
}

// isNull reports whether info is that of the null device: character device 1:3
// by the kernel's admin-guide/devices.txt, whatever path leads there.
func isNull(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&fs.ModeCharDevice == 0 {
		return false
	}
	rdev := uint64(st.Rdev) // narrower on some architectures
	return unix.Major(rdev) == 1 && unix.Minor(rdev) == 3
}

func (s *search) refuse(path string, why error) {
	s.plan.Refused = append(s.plan.Refused, Skipped{Path: printable(path), Why: printable(why.Error())})
}

func (s *search) mask(path, why string) {
	s.plan.Masked = append(s.plan.Masked, Skipped{Path: printable(path), Why: why})
}

// maxUntrusted bounds what is told of a directory that others can fill.
const maxUntrusted = 64

// refuseAll refuses what lies in a directory that is not trusted, each by name,
// so that a script's owner finds it with the reason. Where the names cannot be
// had, or are too many, the directory stands for them.
func (s *search) refuseAll(dir, sub string, why error) {
	names, err := firstNames(dir)
	if errors.Is(err, fs.ErrNotExist) { // missing below one that is not trusted
		return
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		isDir := err == nil && info.IsDir()
		if isDir && sub == "" && s.serves(name) || !isDir && !isLeftover(name) {
			s.refuse(path, why)
		}
	}
	if err != nil || len(names) == maxUntrusted {
		s.refuse(dir, why)
	}
}

// firstNames lists dir, unless it is a symbolic link: whoever can set one must
// not learn from us what lies where it leads.
func firstNames(dir string) ([]string, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxUntrusted)
	slices.Sort(names)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
