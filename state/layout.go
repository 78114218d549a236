package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The directories below the state directory, one per writer: what an oneshot
// trusts must not be writable by the watcher's user. Beside them is dispatcher/, of
// the script for NetworkManager alone.
const (
	eventsDir = "events" // the spool; the watcher
	linksDir  = "links"  // last known states; the watcher
	failedDir = "failed" // refused entries of the spools; run-hooks

	rulesDir        = "rules"         // what was wanted and done; apply-rules
	rulesPendingDir = "rules-pending" // links to reconcile; the watcher

	leasesDir        = "leases"         // dhclient's leases; run-hooks --generator dhclient
	leaseEventsDir   = "lease-events"   // the spool of their events; the same
	leasesPendingDir = "leases-pending" // links whose lease is to be looked at; the watcher

	cloudDir         = "cloud"                // what the cloud told; cloud-sync
	cloudLinksDir    = cloudDir + "/links"    // of each link that is a NIC
	cloudProviderDir = cloudDir + "/provider" // documents as they came
	cloudPendingDir  = "cloud-pending"        // links that appeared; the watcher

	hooksDir   = "hooks"               // run-hooks
	resultsDir = hooksDir + "/results" // what became of scripts
	seenDir    = hooksDir + "/links"   // names of links that hooks ran for
	jsonDir    = hooksDir + "/json"    // documents for scripts that run
)

// makeDirs makes root and the named directories below it. Those that exist
// are left as tmpfiles.d or systemd made them.
func makeDirs(root string, names ...string) error {
	for _, dir := range append([]string{""}, names...) {
		if err := makeDir(filepath.Join(root, dir)); err != nil {
			return fmt.Errorf("making state directory: %w", err)
		}
	}
	return nil
}

// makeDir makes a directory for all to read, whatever UMask= the unit has.
func makeDir(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.MkdirAll(path, 0o755) // which tells whether it is a directory
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

// dirOwner returns the owner of a directory, which must be a real one that
// only its owner can write to.
func dirOwner(path string) (uid int, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0, fmt.Errorf("%q is not a directory", path)
	}
	if st.Mode&0o022 != 0 {
		return 0, fmt.Errorf("%q is writable by group or others (mode %04o)", path, st.Mode&0o7777)
	}
	return int(st.Uid), nil
}

// checkRoot makes sure that nobody but root and ourselves can swap the
// directories in the state directory.
func checkRoot(root string) error {
	uid, err := dirOwner(root)
	if err != nil {
		return err
	}
	if uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%q is owned by uid %d", root, uid)
	}
	return nil
}

// visible lists the names in dir that do not start with a dot, in no order.
func visible(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	shown := names[:0]
	for _, name := range names {
		if !strings.HasPrefix(name, ".") {
			shown = append(shown, name)
		}
	}
	return shown, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
