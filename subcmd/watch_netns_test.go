package subcmd

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/netnstest"
)

// watchFor bounds a test that fails.
const watchFor = time.Minute

// watcher is a netbrk watch in a namespace.
type watcher struct {
	cmd    *exec.Cmd
	config string // its configuration file
	events *bufio.Scanner
}

// startWatch runs the test binary as netbrk. A thread that is in a namespace
// forks into that namespace.
func startWatch(t *testing.T, ns *netnstest.Namespace, args ...string) *watcher {
	t.Helper()
	return startWatchWith(t, ns, "[System]\nGenerator = \"kernel\"\n", args...)
}

func startWatchWith(t *testing.T, ns *netnstest.Namespace, toml string, args ...string) *watcher {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "netbrk.toml")
	require.NoError(t, os.WriteFile(config, []byte(toml), 0o644))
	cmd := exec.Command(linkProgram(t, dir), append([]string{"--config", config, "watch", "--print"}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	if pipe, ok := out.(*os.File); assert.True(t, ok) {
		require.NoError(t, pipe.SetReadDeadline(time.Now().Add(watchFor)))
	}
	cmd.Stderr = os.Stderr
	ns.Do(t, func() { require.NoError(t, cmd.Start()) })
	w := &watcher{cmd, config, bufio.NewScanner(out)}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_, _ = io.Copy(io.Discard, out)
		assert.NoError(t, cmd.Wait(), "told to end, the watcher ends well")
	})
	return w
}

// until returns the first event that is as wanted.
func (w *watcher) until(t *testing.T, what string, is func(hostnet.Event) bool) hostnet.Event {
	t.Helper()
	for w.events.Scan() {
		ev, err := hostnet.ParseEvent(w.events.Bytes())
		require.NoError(t, err, w.events.Text())
		if is(ev) {
			return ev
		}
	}
	require.Fail(t, "the watcher does not tell", "of %s: %v", what, w.events.Err())
	return hostnet.Event{}
}

func TestWatchPrints(t *testing.T) {
	ns := netnstest.New(t)
	state := filepath.Join(t.TempDir(), "state")
	w := startWatch(t, ns, "--dispatch=none", "--state-dir", state)
	w.until(t, "the end of its first pass", func(ev hostnet.Event) bool { return ev.Kind == hostnet.KindRules })
	index, _ := ns.VethPair(t, "va", "vb")
	ev := w.until(t, "the link", func(ev hostnet.Event) bool { return ev.Kind == hostnet.KindLinks && ev.Index == index })
	assert.Equal(t, "va", ev.Link)
	w.until(t, "its carrier", func(ev hostnet.Event) bool { return ev.Index == index && ev.State == "carrier" })
	link, err := ns.Netlink().LinkByName("va")
	require.NoError(t, err)
	addr, err := netlink.ParseAddr("192.0.2.1/24")
	require.NoError(t, err)
	require.NoError(t, ns.Netlink().AddrAdd(link, addr))
	w.until(t, "the state the address brings", func(ev hostnet.Event) bool { return ev.Index == index && ev.State == "routable" })
	require.NoError(t, ns.Netlink().LinkDel(link))
	w.until(t, "its removal", func(ev hostnet.Event) bool {
		return ev.Index == index && ev.Kind == hostnet.KindLinks && ev.Action == hostnet.ActionRemoved
	})
	assert.NoDirExists(t, state, "nothing is kept with --dispatch=none")
}

func TestSecondWatchIsRefused(t *testing.T) {
	ns := netnstest.New(t)
	state := t.TempDir()
	w := startWatch(t, ns, "--dispatch=units", "--state-dir", state)
	w.until(t, "anything", func(hostnet.Event) bool { return true })

	second := exec.Command(w.cmd.Path, w.cmd.Args[1:]...)
	var out []byte
	var err error
	ns.Do(t, func() { out, err = second.CombinedOutput() })
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, exitFailed, exit.ExitCode())
	assert.Regexp(t, `^netbrk: another netbrk watch keeps its state in .*\nnetbrk: hint: stop it, or use --state-dir DIR\n$`, string(out))
}
