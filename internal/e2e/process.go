package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// searchPath is where programs are looked for, on the machine that runs the
// tests as well as inside: an ordinary user's PATH lacks the sbin directories.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// pipeGrace is how long the output of an ended program is waited for when a
// child that it left behind still holds the pipe.
const pipeGrace = 2 * time.Second

// command makes an exec.Cmd with a fixed environment and in a process group of
// its own. env(1) is the program: it looks args[0] up where it ends up running.
func command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	argv := append([]string{"-i", "PATH=" + searchPath, "LANG=C.UTF-8", "HOME=/root"}, env...)
	cmd := exec.CommandContext(ctx, "/usr/bin/env", append(argv, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// The group, not the process: nsenter(1) and unshare(1) wait for a child
	// that does not die with them.
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = pipeGrace
	return cmd
}

func killGroup(pid int) error {
	if err := unix.Kill(-pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("killing process group %d: %w", pid, err)
	}
	return nil
}

// run starts cmd with start, waits for it and returns what it printed. ctx is
// cmd's own; args are what an error calls it.
func run(ctx context.Context, cmd *exec.Cmd, start func(*exec.Cmd) error, args []string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil { // or it says no more than that it was killed
		err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		err = fmt.Errorf("%w: %s", err, tail(text))
	}
	return stdout.String(), fmt.Errorf("running %q: %w", strings.Join(args, " "), err)
}

// startHere starts a program in the namespaces of this process.
func startHere(cmd *exec.Cmd) error { return cmd.Start() }

// Process is a program that runs beside the test. What it prints is kept and
// can be waited for.
type Process struct {
	cmd  *exec.Cmd
	name string
	out  output
	done chan struct{}
	err  error
}

// startProcess starts cmd with start and reads what it prints.
func startProcess(cmd *exec.Cmd, start func(*exec.Cmd) error, args []string) (*Process, error) {
	p := &Process{cmd: cmd, name: strings.Join(args, " "), done: make(chan struct{})}
	p.out.changed = make(chan struct{})
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("starting %q: %w", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Output is what the program has printed so far, on stdout and stderr.
func (p *Process) Output() string { return p.out.String() }

// Line waits for the next line that matches, after the one that the last call
// returned, and returns it.
func (p *Process) Line(ctx context.Context, match *regexp.Regexp) (string, error) {
	for {
		line, ok, changed := p.out.next(match)
		if ok {
			return line, nil
		}
		select {
		case <-changed:
		case <-p.done:
			if line, ok, _ := p.out.next(match); ok {
				return line, nil
			}
			return "", fmt.Errorf("waiting for %q from %q: it ended (%s) having printed: %s",
				match, p.name, fmt.Sprint(p.err), tail(p.Output()))
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for %q from %q: %w; it printed: %s",
				match, p.name, ctx.Err(), tail(p.Output()))
		}
	}
}

// Skip passes the lines that were printed so far: Line returns one after them.
func (p *Process) Skip() { p.out.skip() }

// Wait waits for the program to end by itself and returns how it ended.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for %q to end: %w", p.name, ctx.Err())
	}
}

// Stop kills the program and what it started in its process group, and waits
// until it is gone.
func (p *Process) Stop() error {
	select {
	case <-p.done: // its number may belong to someone else by now
		return nil
	default:
	}
	err := killGroup(p.cmd.Process.Pid)
	<-p.done
	return err
}

// Reload sends the program a SIGHUP.
func (p *Process) Reload() error {
	if err := p.cmd.Process.Signal(unix.SIGHUP); err != nil {
		return fmt.Errorf("reloading %q: %w", p.name, err)
	}
	return nil
}

// processes are those that end with a lab or a machine.
type processes struct {
	mu   sync.Mutex
	list []*Process
}

func (ps *processes) add(p *Process) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.list = append(ps.list, p)
}

func (ps *processes) stop() error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var errs []error
	for _, p := range ps.list {
		errs = append(errs, p.Stop())
	}
	ps.list = nil
	return errors.Join(errs...)
}

// output collects what a program prints.
type output struct {
	mu      sync.Mutex
	text    []byte
	read    int           // what next has passed
	changed chan struct{} // closed and replaced with every write
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// skip passes all whole lines.
func (o *output) skip() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.read += bytes.LastIndexByte(o.text[o.read:], '\n') + 1
}

// next looks for a whole line that matches among those not passed yet. Without
// one, changed tells when there is more to look at.
func (o *output) next(match *regexp.Regexp) (line string, ok bool, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		line, _, whole := bytes.Cut(o.text[o.read:], []byte("\n"))
		if !whole {
			return "", false, o.changed
		}
		o.read += len(line) + 1
		if match.Match(line) {
			return string(line), true, nil
		}
	}
}

// tail is the last of a program's output, for an error's text.
func tail(text string) string {
	const enough = 2000
	return text[max(0, len(text)-enough):]
}
