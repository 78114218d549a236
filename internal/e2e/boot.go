package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// launch puts itself into the cgroups given up to "--" and becomes the rest.
const launch = `while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"`

// Boot boots the machine and returns when its systemd has reached its default
// target and every unit on the way to it is well.
func (m *Machine) Boot(ctx context.Context) error {
	if m.nspawn != nil {
		return errors.New("booting: the machine runs")
	}
	started := time.Now()
	var notify *net.UnixConn
	err := m.thread.do(func() (err error) {
		notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: notifySocket})
		return err
	})
	if err != nil {
		return fmt.Errorf("booting: listening for systemd: %w", err)
	}
	defer notify.Close()

	args := m.nspawnArgs()
	cmd := command(context.Background(), []string{
		"NOTIFY_SOCKET=" + notifySocket,
		// What Debian has had by default since 11, and all that 13 knows; a
		// host with both hierarchies would give the machine both.
		"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1",
	}, args...)
	if m.nspawn, err = startProcess(cmd, m.thread.start, args); err != nil {
		return fmt.Errorf("booting: %w", err)
	}
	if err := m.awaitReady(ctx, notify); err != nil {
		err = errors.Join(err, m.kill()) // after which the console is complete
		return fmt.Errorf("booting: %w\nconsole:\n%s", err, m.nspawn.Output())
	}
	if out, err := m.Run(ctx, "systemctl", "is-system-running", "--wait"); err != nil {
		failed, _ := m.Run(ctx, "systemctl", "--failed", "--plain", "--no-legend")
		return fmt.Errorf("booting: system is %q: %w\n%s", strings.TrimSpace(out), err, failed)
	}
	m.log.Info("booted a machine", "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// nspawnArgs is the command that boots the machine. The PID namespace around
// systemd-nspawn is there because killing nspawn does not end the machine, while
// killing the first process of a namespace ends all in it: pid_namespaces(7).
func (m *Machine) nspawnArgs() []string {
	args := append([]string{"sh", "-ec", launch, "sh"}, m.record.Cgroups...)
	return append(args, "--",
		"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
		"systemd-nspawn", "--directory="+rootDir, "--boot", "--quiet", "--console=pipe",
		// No machined and no systemd to register with.
		"--register=no", "--keep-unit",
		// Links come later, from a lab. --network-interface= waits for udev,
		// which may not run here.
		"--private-network", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--notify-ready=yes")
}

// awaitReady follows nspawn's notifications, sd_notify(3): the leader's PID when
// the machine exists, READY=1 when its systemd has said so.
func (m *Machine) awaitReady(ctx context.Context, notify *net.UnixConn) error {
	nspawn := m.nspawn
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-nspawn.done:
			cancel(fmt.Errorf("systemd-nspawn ended: %w", nspawn.err))
		case <-ctx.Done():
		}
	}()
	// Closing is the way to end a read that waits.
	defer context.AfterFunc(ctx, func() { notify.Close() })()
	datagram := make([]byte, 4096)
	for {
		n, err := notify.Read(datagram)
		if err != nil {
			return fmt.Errorf("waiting for systemd: %w", errors.Join(context.Cause(ctx), err))
		}
		fields := keyValues(string(datagram[:n]))
		if pid := fields["X_NSPAWN_LEADER_PID"]; pid != "" {
			if err := m.findLeader(pid); err != nil {
				return err
			}
		}
		if fields["READY"] == "1" && m.leader != 0 {
			return nil
		}
	}
}

// findLeader finds the process whose number is pid where nspawn runs.
func (m *Machine) findLeader(pid string) error {
	outer, err := children(m.nspawn.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if len(outer) != 1 {
		return fmt.Errorf("finding systemd-nspawn: unshare has the children %v", outer)
	}
	inner, err := children(outer[0])
	if err != nil {
		return err
	}
	for _, child := range inner {
		// proc_pid_status(5): its number in each PID namespace, ours first.
		numbers, err := statusField(child, "NSpid")
		if err != nil || len(numbers) < 3 || !slices.Equal(numbers[len(numbers)-2:], []string{pid, "1"}) {
			continue
		}
		if m.nsinit, err = unix.PidfdOpen(outer[0], 0); err != nil {
			return fmt.Errorf("opening systemd-nspawn: %w", err)
		}
		m.leader = child
		return m.openRoot(fmt.Sprintf("/proc/%d/root", child))
	}
	return fmt.Errorf("finding the machine's first process: none of %v is number %s to systemd-nspawn", inner, pid)
}

// children returns the processes that pid's main thread has started.
func children(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, fmt.Errorf("listing the children of %d: %w", pid, err)
	}
	var pids []int
	for _, word := range strings.Fields(string(text)) {
		child, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("listing the children of %d: %w", pid, err)
		}
		pids = append(pids, child)
	}
	return pids, nil
}

// statusField returns the words of one line of /proc/pid/status.
func statusField(pid int, name string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			return strings.Fields(value), nil
		}
	}
	return nil, fmt.Errorf("reading the status of process %d: no %q", pid, name)
}
