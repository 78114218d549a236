package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupPrefix begins the names of the cgroups that the harness makes, and
// guards the sweep against a record that names another's.
const cgroupPrefix = "netbrk-e2e-"

// record tells what a machine leaves behind if the test process is killed. Its
// processes, mounts and links end with that process; its cgroups do not.
type record struct {
	Cgroups []string
	file    *os.File // locked as long as the machine exists
}

// newRecord names a machine's cgroups, one in each hierarchy that systemd-nspawn
// needs, writes that down in dir, and only then makes them.
func newRecord(dir string) (*record, error) {
	var r *record
	err := exclusively(dir, func() error {
		file, err := os.CreateTemp(dir, "*.json")
		if err != nil {
			return err
		}
		r = &record{file: file}
		id := strings.TrimSuffix(filepath.Base(file.Name()), ".json")
		if r.Cgroups, err = cgroupPaths(cgroupPrefix + id); err != nil {
			return err
		}
		return errors.Join(unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB), json.NewEncoder(file).Encode(r))
	})
	if err != nil {
		return nil, fmt.Errorf("recording a machine: %w", err)
	}
	for _, path := range r.Cgroups {
		if err := os.Mkdir(path, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("making a cgroup: %w", err), r.clear())
		}
	}
	return r, nil
}

// clear removes what the record tells of, and the record. Processes that are
// still there are killed.
func (r *record) clear() error {
	var errs []error
	for _, path := range r.Cgroups {
		errs = append(errs, removeCgroup(path))
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, r.file.Close()) // the next run tries again
	}
	return errors.Join(os.Remove(r.file.Name()), r.file.Close())
}

// sweep clears what the records of dead processes tell of.
func sweep(dir string, log *slog.Logger) error {
	return exclusively(dir, func() error {
		names, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := sweepOne(name, log); err != nil {
				return fmt.Errorf("clearing what a killed run left behind (%s): %w", name, err)
			}
		}
		return nil
	})
}

func sweepOne(name string, log *slog.Logger) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // its owner removed it just now
	}
	if err != nil {
		return err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return file.Close() // its owner lives
	}
	r := &record{file: file}
	// A record that was cut short belongs to a process that had not made its
	// cgroups yet.
	if err == nil && json.NewDecoder(file).Decode(r) == nil {
		log.Info("clearing what a killed run left behind", "cgroups", r.Cgroups)
	}
	if bad := slices.IndexFunc(r.Cgroups, foreign); bad >= 0 {
		return errors.Join(fmt.Errorf("cgroup %q is not the harness's own", r.Cgroups[bad]), file.Close())
	}
	return errors.Join(err, r.clear())
}

func foreign(cgroup string) bool {
	return filepath.Clean(cgroup) != cgroup || !strings.HasPrefix(cgroup, "/sys/fs/cgroup/") ||
		!strings.HasPrefix(filepath.Base(cgroup), cgroupPrefix)
}

// exclusively runs fn while no other process makes or sweeps records in dir.
func exclusively(dir string, fn func() error) error {
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	return fn()
}
