// Package hosttest gives a test a host for bin/netbrk, as `make build` left it: a
// network namespace, netbrk.toml, and directories of its own for hooks and state.
// It is for tests alone, which run as root, from a directory two below the tree's; Lacks
// and AsNobody are for any.
package hosttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/netbrk/netbrk/internal/netnstest"
)

// Host is where netbrk works: its namespace has a loopback link that is up.
type Host struct {
	*netnstest.Namespace
	Dir    string // trusted: nobody but root can write to it or above it
	State  string // netbrk makes it
	binary string
}

// Dir makes a directory that hooks may run from, which the tests' own below /tmp is
// not: others can write there. It is removed when the test is over.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "netbrk-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// New makes a host that keeps its files in dir, which takes its states from the
// kernel and its scripts from dir/hooks. toml goes on where [System] has begun.
func New(t testing.TB, dir, toml string) *Host {
	t.Helper()
	binary, err := filepath.Abs("../../bin/netbrk")
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		t.Fatalf("looking for netbrk: %v (make build)", err)
	}
	h := &Host{Namespace: netnstest.New(t), Dir: dir, State: filepath.Join(dir, "state"), binary: binary}
	toml = fmt.Sprintf("[System]\nGenerator = \"kernel\"\nHookDirs = %q\n", filepath.Join(dir, "hooks")) + toml
	if err := os.WriteFile(h.config(), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	h.IP(t, "link set lo up")
	return h
}

func (h *Host) config() string { return filepath.Join(h.Dir, "netbrk.toml") }

// Command is netbrk with the host's configuration and state. It runs in the
// namespace if it is started there, by Do.
func (h *Host) Command(args ...string) *exec.Cmd {
	return exec.Command(h.binary, append([]string{"--config=" + h.config(), "--state-dir=" + h.State}, args...)...)
}
