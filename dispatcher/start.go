package dispatcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

var (
	errVanished = errors.New("it vanished before it could start")
	errBinary   = errors.New("it is neither a script nor a program for this machine")
)

// process is a script that was started.
type process struct {
	cmd *exec.Cmd
	out *capture
	// gone is closed when the script itself has ended. It is not reaped then, so
	// its process group's number is still its own.
	gone chan struct{}
}

// start starts a job's script: in a process group of its own, with / as working
// directory, nothing to read, and its output captured.
func start(job Job) (*process, error) {
	out, w, err := newCapture()
	if err != nil {
		return nil, fmt.Errorf("starting %q: %w", job.Hook.Path, err)
	}
	cmd := command(job, w, job.Hook.Target, job.Hook.Path)
	err = cmd.Start()
	if errors.Is(err, unix.ENOEXEC) {
		// No "#!" and no known binary format: a shell would run it itself, as
		// POSIX asks of execvp(3), unless it looks like a binary.
		if err = errBinary; isText(job.Hook.Target) {
			cmd = command(job, w, "/bin/sh", "/bin/sh", job.Hook.Target)
			err = cmd.Start()
		}
	}
	w.Close() // the script has its own: ours would hide the end of the pipe
	if err != nil {
		out.finish()
		return nil, fmt.Errorf("starting %q: %w", job.Hook.Path, explain(job.Hook.Target, err))
	}
	return &process{cmd: cmd, out: out, gone: awaitEnd(cmd.Process.Pid)}, nil
}

func command(job Job, out *os.File, path string, args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path: path,
		Args: args,
		// An environment of nil would be ours.
		Env:         append([]string{}, job.Env...),
		Dir:         "/",
		Stdout:      out,
		Stderr:      out,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
}

// awaitEnd returns a channel that is closed when our child pid has ended. It
// leaves the zombie for later: no process group or process can get its number
// as long as it is there, so a signal to its group hits nobody else.
func awaitEnd(pid int) chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return gone
}

// explain says in the owner's terms why target did not start. To execve(2) a
// missing script and a missing interpreter are the same ENOENT.
func explain(target string, err error) error {
	if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		return cause(err)
	}
	if isGone(target) {
		return errVanished
	}
	line, _, _ := strings.Cut(string(head(target)), "\n")
	if interpreter, ok := strings.CutPrefix(line, "#!"); ok {
		// %q shows the carriage return of a file with DOS line ends.
		return fmt.Errorf("its interpreter %q is not there", strings.TrimLeft(interpreter, " \t"))
	}
	return errors.New("its dynamic loader is not there")
}

// cause drops "fork/exec PATH:", which os/exec puts before the kernel's word.
func cause(err error) error {
	var e *os.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// isText reports whether path looks like a script: without a NUL before the end
// of its first line, as bash(1) tells them from binaries.
func isText(path string) bool {
	line, _, _ := bytes.Cut(head(path), []byte("\n"))
	return bytes.IndexByte(line, 0) < 0
}

// head returns the beginning of a file, as far as it can be read.
func head(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	buf, _ := io.ReadAll(io.LimitReader(f, 256)) // BINPRM_BUF_SIZE of uapi/linux/binfmts.h
	return buf
}
