package systemd

import "os"

// Booted reports whether systemd is the host's init. Unlike Here it is for anybody,
// who may not look at process 1: enough to ask, not to start.
func Booted() bool { return booted("/") }

// booted is sd_booted(3).
func booted(root string) bool {
	st, err := os.Lstat(root + "run/systemd/system")
	return err == nil && st.IsDir()
}

// Here reports whether PID 1 is systemd, and lives in our network namespace: to
// another's systemd our links are none of its business. In a user namespace PID 1
// cannot be looked at, and is not ours.
func Here() bool { return here("/") }

func here(root string) bool {
	if !booted(root) {
		return false
	}
	// A namespace of processes may share /run with its host. systemd calls itself
	// so whatever it was started as: main() of its core/main.c.
	name, err := os.ReadFile(root + "proc/1/comm")
	if err != nil || string(name) != "systemd\n" {
		return false
	}
	ours, err := os.Readlink(root + "proc/self/ns/net")
	if err != nil {
		return false
	}
	theirs, err := os.Readlink(root + "proc/1/ns/net")
	return err == nil && ours == theirs
}
