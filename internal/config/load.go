package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Where the configuration is looked for if no file is named.
const (
	DefaultPath = "/etc/netbrk/netbrk.toml"

	brokerDir  = "/etc/network-broker"
	brokerPath = brokerDir + "/network-broker.toml"
	cloudPath  = "/etc/cloud-network/cloud-network.toml"
)

// maxFileBytes bounds a file: netbrk.toml as installed, with all its comments, has 4 KiB.
const maxFileBytes = 64 << 10

// Options say where to look.
type Options struct {
	// Path is the file that the owner named, which must exist. Empty means
	// DefaultPath, or what stands in for it.
	Path string
	// Root is put before the paths that Options do not name; for tests, and for
	// a host's tree that is not at /.
	Root string
}

// Load reads the configuration: the named file; else /etc/netbrk/netbrk.toml;
// else, where that one is missing or sets nothing (so it is when it was just
// installed), the files of network-broker and cloud-network, in this order.
// Then come the drop-ins, FILE.d/*.toml by name. A later file overrides an
// earlier one key by key. Without any file, the defaults hold.
//
// The warnings are those of all files, also where there is an error; a bad
// value is an error of type Errors.
func Load(o Options) (*Config, []Warning, error) {
	l := newLoader(o.Root)
	main := o.Path
	if main == "" {
		main = filepath.Join(o.Root, DefaultPath)
		l.addDefault(main, filepath.Join(o.Root, brokerPath), filepath.Join(o.Root, cloudPath))
	} else {
		l.add(main, true)
	}
	l.addDropIns(main + ".d")
	return l.finish()
}

// addDefault reads main, or the older files where main sets nothing.
func (l *loader) addDefault(main string, older ...string) {
	doc := l.read(main, false)
	if doc != nil {
		l.apply(doc)
	}
	if l.errs != nil {
		return // what stands in a broken file is not known
	}
	if doc != nil && len(doc.settings) > 0 {
		l.warnUnread(main, older)
		return
	}
	for _, path := range older {
		l.add(path, false)
	}
}

// warnUnread tells of the older files that do not count any more: one who
// copied only half of them would look for the reason elsewhere.
func (l *loader) warnUnread(main string, older []string) {
	for _, path := range older {
		if _, err := os.Stat(path); err == nil {
			l.warn(Warning{Position: Position{File: path}, Text: "is not read, since " + main + " is there"})
		}
	}
}

func (l *loader) addDropIns(dir string) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil && !isMissing(dir, err) {
		l.fail(readError(dir, err))
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && !strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".toml") {
			l.add(filepath.Join(dir, name), true)
		}
	}
}

func (l *loader) add(path string, required bool) {
	if doc := l.read(path, required); doc != nil {
		l.apply(doc)
	}
}

// read returns nil for a file that is missing and not required, or broken.
func (l *loader) read(path string, required bool) *document {
	data, err := readFile(path)
	if !required && isMissing(path, err) {
		return nil
	}
	if err != nil {
		l.fail(readError(path, err))
		return nil
	}
	l.cfg.Files = append(l.cfg.Files, path)
	doc, err := parse(path, data)
	var errs Errors
	if errors.As(err, &errs) {
		l.fail(errs...)
		return nil
	}
	return doc
}

// isMissing reports whether err, from opening path, means that there is no such
// file. A symbolic link that leads nowhere is one that was lost, in a unit's
// sandbox for instance: defaults in its place would take rules away.
func isMissing(path string, err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for isAbsent(path) && path != filepath.Dir(path) {
		path = filepath.Dir(path)
	}
	_, err = os.Stat(path)
	return err == nil
}

func isAbsent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("is larger than %d bytes", maxFileBytes)
	}
	return data, err
}

// readError tells of err without the path in it, which the position names.
func readError(path string, err error) *Error {
	text := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		text = pe.Err.Error()
	}
	return &Error{Position: Position{File: path}, Text: text, cause: err}
}
