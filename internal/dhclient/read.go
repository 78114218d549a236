package dhclient

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
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxFile is how large a file can be, in bytes: 100,000 leases take a quarter of
	// it, and dhclient begins anew after some twenty. The leases that count are at
	// the end, so of a larger one nothing is taken.
	maxFile = 256 << 20
	// maxFiles bounds what the patterns can stand for.
	maxFiles = 1024
)

// file is a lease file that matched.
type file struct {
	path    string
	changed time.Time
}

// Read reads the lease files that match the patterns, see filepath.Match. Of each
// link and client it returns the lease that a file tells of last, those of the file
// that changed last at the end. What could not be read, or is written wrong, is
// told in words.
func Read(patterns []string) (leases []Lease, problems []string, err error) {
	files, problems, err := find(patterns)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		found, trouble, err := readFile(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was there a moment ago
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("lease file left out: %v", err))
			continue
		}
		for _, p := range trouble {
			problems = append(problems, f.path+":"+p)
		}
		leases = append(leases, found...)
	}
	return leases, problems, nil
}

// find returns the files that match, the one that changed last at the end.
func find(patterns []string) (files []file, problems []string, err error) {
	seen := map[string]bool{}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, nil, fmt.Errorf("looking for lease files %q: %w", pattern, err)
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			fi, err := os.Stat(path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				problems = append(problems, fmt.Sprintf("lease file left out: %v", err))
			case !fi.IsDir():
				files = append(files, file{path, fi.ModTime()})
			}
		}
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.changed.Compare(b.changed), cmp.Compare(a.path, b.path))
	})
	if n := len(files) - maxFiles; n > 0 {
		files = files[n:]
		problems = append(problems, fmt.Sprintf("more than %d lease files match, the oldest are left out", maxFiles))
	}
	return files, problems, nil
}

// readFile reads one file.
func readFile(path string) ([]Lease, []string, error) {
	// Not a FIFO or a device: opening or reading one could wait for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := trusted(f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	// It may grow while it is read.
	s, err := scan(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, nil, err
	}
	return s.leases(), s.problems, nil
}

// trusted refuses what is no lease file, and one that somebody else than root, or
// who we are, can write: whoever can writes the name servers of the host.
func trusted(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !fi.Mode().IsRegular():
		return errors.New("not a regular file")
	case ok && st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("owned by user %d, not by root", st.Uid)
	case fi.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("writable by group or others (mode %04o)", fi.Mode().Perm())
	case fi.Size() > maxFile:
		return fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return nil
}

// leases interprets the blocks that count, in the order of the file.
func (s *scanner) leases() []Lease {
	blocks := make([]*block, 0, len(s.kept))
	for _, b := range s.kept {
		blocks = append(blocks, b)
	}
	slices.SortFunc(blocks, func(a, b *block) int { return cmp.Compare(a.seq, b.seq) })
	type client struct {
		ipv6       bool
		link, name string
	}
	var order []client
	last := map[client]*Lease{} // nil for one that ended
	for _, b := range blocks {
		lease, held := b.interpret()
		if lease.Link == "" {
			continue
		}
		c := client{b.ipv6, lease.Link, lease.client}
		if at := slices.Index(order, c); at >= 0 { // written in another way
			order = slices.Delete(order, at, at+1)
		}
		order = append(order, c)
		if last[c] = nil; held {
			last[c] = &lease
		}
	}
	var leases []Lease
	for _, c := range order {
		if l := last[c]; l != nil {
			leases = append(leases, *l)
		}
	}
	return leases
}
