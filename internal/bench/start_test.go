//go:build bench

package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/e2e"
	"github.com/netbrk/netbrk/internal/netnstest"
	"github.com/netbrk/netbrk/state"
)

const (
	// startTimes is how often each program is started, and lingeringTimes those
	// that take their time to end.
	startTimes, lingeringTimes = 51, 11
	// linger is how long run-hooks and apply-rules --pending stay for more: it is
	// taken from their figures.
	linger = 2 * time.Second
	// python is what networkd-dispatcher is run by, and ipProgram is what does most
	// of what scripts do.
	python, ipProgram = "python3 -c pass", "ip -V"
	// closing is what the kernel takes at the end of those that linger.
	closing = "closing inotify, in the kernel"
)

// TestBenchStart takes the time of each oneshot that has nothing to do, from its start
// to its end, beside programs of Debian. They take turns, as the machine's speed
// changes.
func TestBenchStart(t *testing.T) {
	root := debian(t)
	dir := t.TempDir()
	ns := netnstest.New(t)
	config := filepath.Join(dir, "netbrk.toml")
	require.NoError(t, os.WriteFile(config, nil, 0o600))
	none := filepath.Join(dir, "none.toml")
	require.NoError(t, os.WriteFile(none, []byte("[Cloud]\nProvider = \"none\"\n"), 0o600))
	states := filepath.Join(dir, "state")
	_, err := state.OpenRulesPending(states) // as the watcher does
	require.NoError(t, err)
	ns.VethPair(t, "va", "vb")
	generator, units := filepath.Join(dir, "netbrk-generator"), filepath.Join(dir, "units")
	require.NoError(t, os.Symlink(netbrkPath(), generator))
	require.NoError(t, os.Mkdir(units, 0o755))
	t.Setenv("NETBRK_CONFIG", config) // the generator has no flags
	netbrk := func(config string, args ...string) []string {
		return append([]string{netbrkPath(), "--config=" + config, "--state-dir=" + states}, args...)
	}
	ours := []struct {
		what    string
		command []string
		lingers bool
	}{
		{"version", netbrk(config, "version"), false},
		{"status", netbrk(config, "status"), false},
		{"apply-rules", netbrk(config, "apply-rules"), false},
		{"apply-rules va", netbrk(config, "apply-rules", "va"), false},
		{"cloud-sync, no provider", netbrk(none, "cloud-sync"), false},
		{"run-hooks --generator dhclient --spool", netbrk(config, "run-hooks", "--generator=dhclient", "--spool"), false},
		{"netbrk-generator", []string{generator, units, units, units}, false},
		{"run-hooks, empty spool, less the 2 s that it waits", netbrk(config, "run-hooks"), true},
		{"apply-rules --pending, none, less the 2 s that it waits", netbrk(config, "apply-rules", "--pending"), true},
	}
	peers := []string{ipProgram, python, "true"}

	took := make(map[string][]time.Duration)
	for range startTimes {
		for _, o := range ours {
			if !o.lingers {
				took[o.what] = append(took[o.what], run(t, ns, "", o.command))
			}
		}
		for _, p := range peers {
			took[p] = append(took[p], run(t, ns, root, strings.Fields(p)))
		}
	}
	for range lingeringTimes {
		for _, o := range ours {
			if o.lingers {
				took[o.what] = append(took[o.what], run(t, ns, "", o.command)-linger)
			}
		}
	}
	for range lingeringTimes {
		took[closing] = append(took[closing], closeInotify(t, dir))
	}
	middle := func(what string) float64 { return milliseconds(Median(took[what])) }
	for _, o := range ours {
		table.Add(starts, Row{
			What: "start to end: " + o.what, Case: "nothing to do", Unit: "ms", Ours: middle(o.what),
			Peer: ipProgram, Theirs: middle(ipProgram), Goal: AtMost(5),
		})
	}
	for _, o := range ours {
		if o.lingers {
			table.Add(starts, Row{What: "start to end: " + o.what, Case: "nothing to do", Unit: "ms", Ours: middle(o.what), Peer: closing, Theirs: middle(closing)})
		}
	}
	for _, p := range peers[1:] {
		table.Add(starts, Row{What: "start to end: version", Case: "nothing to do", Unit: "ms", Ours: middle("version"), Peer: p, Theirs: middle(p)})
	}
}

// run runs a program to its end, whatever status it ends with (status tells by it that
// no watcher runs), and returns how long that took.
func run(t *testing.T, ns *netnstest.Namespace, root string, command []string) time.Duration {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	if root != "" {
		path := ""
		for _, dir := range []string{"usr/bin", "usr/sbin", "bin", "sbin"} {
			if _, err := os.Lstat(filepath.Join(root, dir, command[0])); err == nil {
				path = "/" + dir + "/" + command[0]
			}
		}
		require.NotEmpty(t, path, "%s in the root", command[0])
		cmd = &exec.Cmd{Path: path, Args: command, Dir: "/", SysProcAttr: &syscall.SysProcAttr{Chroot: root}}
	}
	var took time.Duration
	ns.Do(t, func() {
		at := time.Now()
		require.NoError(t, cmd.Start())
		_ = cmd.Wait()
		took = time.Since(at)
	})
	require.Contains(t, []int{0, 3}, cmd.ProcessState.ExitCode(), "%v", command)
	return took
}

// closeInotify returns how long it takes to close an inotify instance: the kernel waits
// for its readers then (fsnotify_destroy_group of fs/notify/group.c), at exit as well,
// and both that linger have one.
func closeInotify(t *testing.T, dir string) time.Duration {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	require.NoError(t, err)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE)
	require.NoError(t, err)
	at := time.Now()
	require.NoError(t, unix.Close(fd))
	return time.Since(at)
}

// debian is the directory of the root that machines are made from.
func debian(t *testing.T) string {
	t.Helper()
	root, err := e2e.CacheFor(t).Root(t.Context(), e2e.Suites()[0])
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Release()) })
	return root.Dir
}

// TestBenchSize compares the one program with what networkd-dispatcher is run by,
// which is but the interpreter.
func TestBenchSize(t *testing.T) {
	megabytes := func(path string) float64 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return float64(info.Size()) / 1e6
	}
	interpreter, err := filepath.EvalSymlinks(filepath.Join(debian(t), "usr/bin/python3"))
	require.NoError(t, err)
	table.Add(starts, Row{
		What: "size of the program", Case: "stripped", Unit: "MB", Ours: megabytes(netbrkPath()),
		Peer: filepath.Base(interpreter) + " alone", Theirs: megabytes(interpreter), Goal: AtMost(9),
	})
}
