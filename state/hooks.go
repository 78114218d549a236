package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// maxResults is how many results of hooks are kept.
const maxResults = 200

// Hooks keeps what run-hooks remembers, where only it can write: results of
// hooks, the names of the links it ran hooks for, and JSON files for them.
type Hooks struct {
	root string
	// owner begins the names of our documents.
	owner string
}

// drainer is the owner of the documents of whoever drains the spool. Of others it is
// their process ID, which another process may have by the time they are dead.
const drainer = "drain"

// OpenHooks opens the records of hooks under the state directory root.
func OpenHooks(root string) (*Hooks, error) {
	if err := makeDirs(root, hooksDir, resultsDir, seenDir, jsonDir); err != nil {
		return nil, err
	}
	return LookAtHooks(root), nil
}

// LookAtHooks returns the records for reading alone; they need not exist.
func LookAtHooks(root string) *Hooks { return &Hooks{root, strconv.Itoa(os.Getpid())} }

// KeepResult adds the result of a hook's run; the newest maxResults are kept.
// Several processes may do so at once.
func (h *Hooks) KeepResult(result any) error {
	data, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encoding result: %w", err)
	}
	l, err := h.lock()
	if err != nil {
		return err
	}
	defer l.Unlock()
	return keepNumbered(filepath.Join(h.root, resultsDir), data, maxResults)
}

// lock is held for one write to the results or the names of links, which several
// processes make.
func (h *Hooks) lock() (*Lock, error) { return lock(h.root, resultsLock, unix.LOCK_EX) }

// ClearTemps removes the results and names that killed runs had not finished. A link
// whose first record it was may have gone unseen, so that nobody will Forget it.
func (h *Hooks) ClearTemps() error {
	l, err := h.lock()
	if err != nil {
		return err
	}
	defer l.Unlock()
	return errors.Join(clearTemps(filepath.Join(h.root, resultsDir)), clearTemps(filepath.Join(h.root, seenDir)))
}

// Results calls use with each kept result, oldest first.
func (h *Hooks) Results(use func(raw []byte)) error {
	return readNumbered(filepath.Join(h.root, resultsDir), use)
}

// Saw remembers a link's name for events that are handled when it is gone.
func (h *Hooks) Saw(index int, name string) error {
	data, err := json.Marshal(name)
	if err != nil {
		return fmt.Errorf("encoding link name: %w", err)
	}
	l, err := h.lock()
	if err != nil {
		return err
	}
	defer l.Unlock()
	return writeIfChanged(filepath.Join(h.root, seenDir), indexName(index), data, 0o644)
}

// Seen returns the name under which hooks last ran for a link.
func (h *Hooks) Seen(index int) (string, bool) { return readSeen(h.root, index) }

func readSeen(root string, index int) (string, bool) {
	var name string
	if !readJSON(filepath.Join(root, seenDir, indexName(index)), &name) || !hostnet.ValidLinkName(name) {
		return "", false
	}
	return name, true
}

// Forget drops what is remembered of a link that is gone.
func (h *Hooks) Forget(index int) error {
	return ignoreMissing(os.Remove(filepath.Join(h.root, seenDir, indexName(index))))
}

// Unwatched returns the links that are remembered and of which the watcher has no
// record: it will not tell of their end, or did so already.
func (h *Hooks) Unwatched() ([]int, error) {
	names, err := visible(filepath.Join(h.root, seenDir))
	if err != nil {
		return nil, err
	}
	var unwatched []int
	for _, name := range names {
		index, ok := indexOf(name)
		if !ok {
			continue
		}
		_, err := os.Lstat(filepath.Join(h.root, linksDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			unwatched = append(unwatched, index)
		} else if err != nil {
			return nil, err
		}
	}
	return unwatched, nil
}

// WriteJSON puts a document in a file of its own for the hooks of one event,
// and returns its path. Only root and we can read it: a document tells more
// of the host than everybody need know.
func (h *Hooks) WriteJSON(seq uint64, doc []byte) (string, error) {
	dir := filepath.Join(h.root, jsonDir)
	name := h.owner + "-" + strconv.FormatUint(seq, 10) + ".json"
	if err := writeFile(dir, name, doc, 0o600); err != nil {
		return "", err
	}
	return filepath.Join(dir, name), nil
}

// RemoveJSON deletes a file that WriteJSON made.
func (h *Hooks) RemoveJSON(path string) error { return ignoreMissing(os.Remove(path)) }

// ClearJSON deletes what killed runs left behind, and has documents from now on
// named for the next drain to delete. Only the process that drains the spool may call
// it, before it writes any; files of others that live are kept.
func (h *Hooks) ClearJSON() error {
	h.owner = drainer
	dir := filepath.Join(h.root, jsonDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		// A document that was not finished has its name in a hidden one.
		owner, _, _ := strings.Cut(strings.TrimPrefix(name, "."), "-")
		if pid, err := strconv.Atoi(owner); err == nil && pid != os.Getpid() && unix.Kill(pid, 0) == nil {
			continue
		}
		if err := ignoreMissing(os.Remove(filepath.Join(dir, name))); err != nil {
			return err
		}
	}
	return nil
}
