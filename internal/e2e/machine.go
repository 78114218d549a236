package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Where a machine's files are, in the mount namespace of its thread. /run there
// is a tmpfs of its own, which also hides the host's systemd from
// systemd-nspawn.
const (
	upperDir     = "/run/e2e/upper"
	workDir      = "/run/e2e/work"
	rootDir      = "/run/e2e/root"
	notifySocket = "/run/e2e/notify"
)

// poweroff is SIGRTMIN+3, which asks systemd to power off: systemd(1), SIGNALS.
// SIGRTMIN is glibc's, 34.
const poweroff = syscall.Signal(34 + 3)

// Machine is a throw-away copy of a root, and the system booted from it.
type Machine struct {
	Suite string

	log     *slog.Logger
	thread  *thread
	record  *record
	started processes // inside
	nspawn  *Process  // nil until booted
	nsinit  int       // pidfd of nspawn, PID 1 of a namespace around the machine's
	leader  int       // the machine's PID 1, as this machine numbers it
	root    *os.File  // the machine's / as its processes see it
}

// NewMachine makes a machine from root. It is not booted yet: files can be
// written and programs run in a chroot, without a network.
func (c *Cache) NewMachine(root *Root) (*Machine, error) {
	m := &Machine{Suite: root.Suite, log: c.log.With("suite", root.Suite), nsinit: -1}
	var err error
	if m.thread, err = newThread(func() error { return mountRoot(root.Dir) }); err != nil {
		return nil, fmt.Errorf("making a machine: %w", err)
	}
	if err = m.openRoot(m.Root()); err == nil {
		m.record, err = newRecord(c.records())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a machine: %w", err), m.Close())
	}
	return m, nil
}

// mountRoot makes a copy of lower that lives in memory, for the calling thread
// alone. Its network namespace is empty, so that what runs in the copy before it
// boots meets none of this machine's links.
func mountRoot(lower string) error {
	if err := unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a tmpfs: %w", err)
	}
	for _, dir := range []string{upperDir, workDir, rootDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// By descriptor: a path may hold the separators of the option string.
	fd, err := unix.Open(lower, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening root %q: %w", lower, err)
	}
	defer unix.Close(fd)
	options := fmt.Sprintf("lowerdir=/proc/self/fd/%d,upperdir=%s,workdir=%s", fd, upperDir, workDir)
	if err := unix.Mount("overlay", rootDir, "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay of %q: %w", lower, err)
	}
	return nil
}

// Root is the path of the machine's files for programs on the outside, such as
// make install DESTDIR=. Beware of absolute symbolic links in it, and of /run and
// /tmp, which a booted machine has mounts of its own on.
func (m *Machine) Root() string { return m.thread.path() + rootDir }

// openRoot makes path the root that the file methods work in.
func (m *Machine) openRoot(path string) error {
	root, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("opening the machine's root: %w", err)
	}
	if m.root != nil {
		m.root.Close()
	}
	m.root = root
	return nil
}

// Shutdown powers the machine off in good order and waits until it is off. It can
// be booted again, and finds its files as they were.
func (m *Machine) Shutdown(ctx context.Context) error {
	if err := unix.Kill(m.leader, poweroff); err != nil {
		return fmt.Errorf("powering off: %w", err)
	}
	if err := m.nspawn.Wait(ctx); err != nil {
		return fmt.Errorf("powering off: %w\nconsole:\n%s", err, m.nspawn.Output())
	}
	return m.off()
}

// off forgets a system that has ended.
func (m *Machine) off() error {
	m.nspawn, m.leader = nil, 0
	if m.nsinit >= 0 {
		unix.Close(m.nsinit)
		m.nsinit = -1
	}
	removed := m.thread.do(func() error { return os.RemoveAll(notifySocket) })
	return errors.Join(removed, m.openRoot(m.Root()))
}

// Close kills the machine and removes every trace of it.
func (m *Machine) Close() error {
	var errs []error
	if m.nspawn != nil {
		errs = append(errs, m.kill(), m.off())
	}
	if m.root != nil {
		errs = append(errs, m.root.Close())
	}
	errs = append(errs, m.started.stop())
	m.thread.close()
	if m.record != nil {
		errs = append(errs, m.record.clear())
	}
	m.root, m.record = nil, nil
	return errors.Join(errs...)
}

// kill ends the system and waits until it is gone.
func (m *Machine) kill() error {
	if m.nsinit < 0 {
		return m.nspawn.Stop()
	}
	err := ignoreGone(unix.PidfdSendSignal(m.nsinit, unix.SIGKILL, nil, 0))
	// unshare(1) waits for nspawn, the first of its PID namespace, which the
	// kernel reaps after all others in it.
	<-m.nspawn.done
	return err
}

// Leader is the machine's PID 1, as this machine numbers it.
func (m *Machine) Leader() int { return m.leader }

// Console is what the machine and systemd-nspawn have printed.
func (m *Machine) Console() string {
	if m.nspawn == nil {
		return ""
	}
	return m.nspawn.Output()
}

// Run runs a program inside and returns what it printed on stdout; what it
// printed on stderr is in the error. Before the machine is booted, it runs in a
// chroot.
func (m *Machine) Run(ctx context.Context, args ...string) (string, error) {
	cmd, start := m.command(ctx, args)
	return run(ctx, cmd, start, args)
}

// Start starts a program inside that runs beside the test.
func (m *Machine) Start(args ...string) (*Process, error) {
	cmd, start := m.command(context.Background(), args)
	p, err := startProcess(cmd, start, args)
	if err == nil {
		m.started.add(p)
	}
	return p, err
}

func (m *Machine) command(ctx context.Context, args []string) (*exec.Cmd, func(*exec.Cmd) error) {
	if m.leader == 0 {
		cmd := command(ctx, []string{"SYSTEMD_OFFLINE=1"}, args...)
		cmd.SysProcAttr.Chroot = rootDir
		cmd.Dir = "/"
		return cmd, m.thread.start
	}
	enter := []string{"nsenter", "--target", strconv.Itoa(m.leader), "--all", "--"}
	return command(ctx, nil, append(enter, args...)...), startHere
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}
