package faulttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/hosttest"
)

const (
	// requiredVar makes these tests run; without it they are skipped, as they
	// take root and bin/netbrk.
	requiredVar = "NETBRK_TEST_FAULTS"
	// patience bounds every wait for what must come. A reader that was killed
	// again and again is started after 30 s at most, dispatcher/kick.go.
	patience = time.Minute
	// pollEvery is how often something is looked at that nobody tells of.
	pollEvery = 20 * time.Millisecond
)

// host is one whose netbrks a test can tell from all others.
type host struct {
	*hosttest.Host
	// enter are the words before each netbrk, to run it where the mounts are
	// others, and root is what is "/" there; both are empty for here.
	enter []string
	root  string
}

func newHost(t *testing.T, toml string) *host {
	t.Helper()
	if os.Getenv(requiredVar) != "1" {
		t.Skipf("%s is not 1: make test-faults sets it", requiredVar)
	}
	require.Zero(t, os.Geteuid(), "faults are tried as root")
	h := &host{Host: hosttest.New(t, hosttest.Dir(t), toml)}
	t.Cleanup(func() { // after all that the test cleans up
		left := h.processes()
		for _, p := range left {
			p.signal(unix.SIGKILL)
		}
		if t.Failed() {
			t.Logf("at work: %v, in the spool: %v, netbrk said, at last:\n%s", left, h.list("events"), tail(h.read("stderr"), 60))
		}
	})
	return h
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (h *host) write(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(h.Dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
}

// read returns a file of the host's directory, empty if there is none yet.
func (h *host) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(h.Dir, name))
	return string(data)
}

// logHook is a script that appends one line per run, in one write.
func (h *host) logHook(t *testing.T, directories ...string) {
	t.Helper()
	for _, d := range directories {
		h.write(t, "hooks/"+d+"/10-log", fmt.Sprintf("#!/bin/sh\n"+
			`echo "%s $EVENT_ID $SEQNUM ${LINKINDEX:-0} ${LINK:--} ${STATE:--} ${PREVIOUS_STATE:--} ${ACTION:--} ${COALESCED:-0}" >>%s/hook.log`+"\n",
			strings.TrimSuffix(d, ".d"), h.Dir), 0o755)
	}
}

func (h *host) logEdges(t *testing.T) {
	t.Helper()
	for _, s := range hostnet.LinkStates() {
		h.logHook(t, s+".d")
	}
	h.logHook(t, "links.d")
}

// Command is that of the host, run where its mounts are.
func (h *host) Command(args ...string) *exec.Cmd {
	cmd := h.Host.Command(args...)
	if len(h.enter) == 0 {
		return cmd
	}
	words := slices.Concat(h.enter, cmd.Args)
	return exec.Command(words[0], words[1:]...)
}

// run runs netbrk to its end.
func (h *host) run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := h.Command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	h.Do(t, func() { _ = cmd.Run() })
	require.NotNil(t, cmd.ProcessState)
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// exec runs another program in the namespace.
func (h *host) exec(t *testing.T, args ...string) string {
	t.Helper()
	var out []byte
	var err error
	h.Do(t, func() { out, err = exec.Command(args[0], args[1:]...).CombinedOutput() })
	require.NoError(t, err, "%v: %s", args, out)
	return string(out)
}

// index is the ifindex of a link.
func (h *host) index(t *testing.T, link string) int {
	t.Helper()
	digits, _, _ := strings.Cut(h.IP(t, "-o link show dev "+link), ":")
	index, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return index
}

// watcher is a netbrk watch whose events and log lie in files of the host.
type watcher struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
}

func (h *host) watch(t *testing.T) *watcher {
	t.Helper()
	cmd := h.Command("watch", "--dispatch=exec", "--print")
	cmd.Stdout, cmd.Stderr = h.appendTo(t, "events"), h.appendTo(t, "stderr")
	h.Do(t, func() { require.NoError(t, cmd.Start()) })
	w := &watcher{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(w.done)
	}()
	return w
}

func (h *host) appendTo(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(h.Dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// end has the watcher end as systemd does, with all that it started.
func (w *watcher) end(t *testing.T, h *host) {
	t.Helper()
	require.NoError(t, w.cmd.Process.Signal(unix.SIGTERM))
	<-w.done
	assert.Zero(t, w.cmd.ProcessState.ExitCode(), "told to end, the watcher ends well")
	eventually(t, "the end of every netbrk", func() string {
		var left []string
		for _, p := range h.processes() {
			left = append(left, p.verb)
		}
		return strings.Join(left, " ")
	})
}

// firstPass waits until the watcher knows the present.
func (h *host) firstPass(t *testing.T) {
	t.Helper()
	eventually(t, "the watcher's first pass", func() string {
		if events := h.read("events"); !strings.Contains(events, `"kind":"rules"`) {
			return "events: " + events
		}
		return ""
	})
}

// eventually waits until nothing is missing any more.
func eventually(t *testing.T, what string, missing func() string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		left := missing()
		if left == "" {
			return
		}
		select {
		case <-deadline:
			require.Fail(t, "it does not come", "%s: %s", what, left)
		case <-time.After(pollEvery):
		}
	}
}

// process is a netbrk of this host.
type process struct {
	pid  int
	verb string
}

// processes are the host's netbrks, known by their state directory.
func (h *host) processes() []process {
	var found []process
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if verb := h.verbOf(pid); verb != "" {
			found = append(found, process{pid, verb})
		}
	}
	return found
}

func (h *host) verbOf(pid int) string {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
	if filepath.Base(words[0]) != "netbrk" || !strings.Contains(string(raw), h.State) {
		return ""
	}
	for _, w := range words {
		switch w {
		case "watch", "run-hooks", "apply-rules", "cloud-sync", "api":
			return w
		}
	}
	return ""
}

// parent is 0 for a process that is gone.
func parent(pid int) int {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(fields[1])
	return ppid
}

func (p process) signal(sig unix.Signal) bool { return unix.Kill(p.pid, sig) == nil }

// kill ends one netbrk of the host without warning, and tells which, if any. A
// script that run-hooks has forked and not yet executed looks like run-hooks: it is
// passed by, since a script that is killed has had its turn.
func (h *host) kill(random *rand.Rand) (process, bool) {
	byVerb := map[string][]process{}
	for _, p := range h.processes() {
		if h.verbOf(parent(p.pid)) != "run-hooks" {
			byVerb[p.verb] = append(byVerb[p.verb], p)
		}
	}
	verbs := []string{"watch", "run-hooks", "apply-rules"}
	verb := verbs[random.IntN(len(verbs))]
	if len(byVerb[verb]) == 0 {
		return process{}, false
	}
	victim := byVerb[verb][random.IntN(len(byVerb[verb]))]
	// Its number may be another's by now.
	return victim, h.verbOf(victim.pid) == verb && victim.signal(unix.SIGKILL)
}

// settle waits until netbrk has nothing more to do.
func (h *host) settle(t *testing.T) {
	t.Helper()
	eventually(t, "an end of the work", func() string {
		for _, dir := range []string{"events", "rules-pending"} {
			if names := h.list(dir); len(names) > 0 {
				return fmt.Sprintf("%s: %v", dir, names)
			}
		}
		return ""
	})
}

// ruled waits until an IPv4 address has its three rules.
func (h *host) ruled(t *testing.T, address string) {
	t.Helper()
	eventually(t, "rules of "+address, func() string {
		if rules := h.IP(t, "-N -4 rule"); strings.Count(rules, address) != 3 {
			return rules
		}
		return ""
	})
}

// list are the names in a directory of the state.
func (h *host) list(dir string) []string {
	entries, _ := os.ReadDir(filepath.Join(h.root+h.State, dir))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// chances are the choices of a run that kills, which NETBRK_FAULT_SEED repeats, and how
// often it is to.
func chances(t *testing.T) (random *rand.Rand, kills int) {
	t.Helper()
	seed := number(t, "NETBRK_FAULT_SEED", uint64(time.Now().UnixNano()))
	kills = int(number(t, "NETBRK_FAULT_KILLS", 30))
	t.Logf("NETBRK_FAULT_SEED=%d NETBRK_FAULT_KILLS=%d", seed, kills)
	return rand.New(rand.NewPCG(seed, seed)), kills
}

// soundLog checks that the log tells of no panic, and of nothing that cannot be.
func (h *host) soundLog(t *testing.T) {
	t.Helper()
	assert.NotContains(t, h.read("stderr"), "panic", "in the log")
	assert.NotContains(t, h.read("stderr"), "unexpected", "in the log")
}

// number is an environment variable that has one, or a default.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}
