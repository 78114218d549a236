package faulttest

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// jumps are those of a clock, each from the one before: what NTP finds on a board
// without a battery, what an owner mistypes, and back.
func jumps(t *testing.T) []jump {
	t.Helper()
	var up unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_BOOTTIME, &up))
	all := []jump{
		{"a year ahead", 365 * 24 * time.Hour},
		{"a day back", -24 * time.Hour},
		{"the epoch's morning", -time.Since(time.Unix(3600, 0))},
		{"before the boot", -time.Duration(up.Nano()) - time.Hour},
		{"as it was", 0},
	}
	if testing.Short() {
		return all[:2]
	}
	return all
}

type jump struct {
	name  string
	shift time.Duration
}

// clockedWatcher is a watcher that reports to a service manager.
type clockedWatcher struct {
	*watcher
	clock *wallClock
	notes chan string
}

func (h *host) watchAt(t *testing.T, shift time.Duration) clockedWatcher {
	t.Helper()
	path := filepath.Join(h.Dir, fmt.Sprintf("notify-%d", time.Now().UnixNano()))
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = notify.Close() })
	cmd := h.Command("watch", "--dispatch=units", "--print")
	cmd.Stdout, cmd.Stderr = h.appendTo(t, "events"), h.appendTo(t, "stderr")
	cmd.Env = append(cmd.Environ(), "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=400000")
	w := clockedWatcher{watcher: &watcher{cmd, make(chan struct{})}, notes: make(chan string, 1024)}
	go receive(notify, w.notes)
	w.clock = h.startAt(t, cmd, shift)
	go func() {
		_ = cmd.Wait()
		close(w.done)
	}()
	w.notified(t, "READY=1")
	return w
}

// receive passes on what is notified, as far as somebody cares.
func receive(notify *net.UnixConn, notes chan<- string) {
	buf := make([]byte, 4096)
	for {
		n, err := notify.Read(buf)
		if err != nil {
			return
		}
		select {
		case notes <- string(buf[:n]):
		default:
		}
	}
}

// notified waits for a notification.
func (w clockedWatcher) notified(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case note := <-w.notes:
			if strings.Contains(note, text) {
				return
			}
		case <-deadline:
			require.Fail(t, "the watcher does not notify", "of %q", text)
		}
	}
}

// alive waits until the watchdog was told twice from now on: the first may be of a
// moment ago.
func (w clockedWatcher) alive(t *testing.T) {
	t.Helper()
	for len(w.notes) > 0 {
		<-w.notes
	}
	w.notified(t, "WATCHDOG=1")
	w.notified(t, "WATCHDOG=1")
}

// emitted are the events that watchers told of a link since the first known ones.
func (h *host) emitted(t *testing.T, index, known int) []hostnet.Event {
	t.Helper()
	var events []hostnet.Event
	for line := range strings.Lines(h.read("events")) {
		ev, err := hostnet.ParseEvent([]byte(strings.TrimSpace(line)))
		if err == nil && ev.Index == index { // else it is being written
			events = append(events, ev)
		}
	}
	return events[min(known, len(events)):]
}

// change flaps a link and changes its addresses, and waits until the watcher has
// told of all of it.
func (h *host) change(t *testing.T, index, round int) []hostnet.Event {
	t.Helper()
	known := len(h.emitted(t, index, 0))
	wait := func(what string, is func(hostnet.Event) bool) {
		t.Helper()
		eventually(t, what, func() string {
			events := h.emitted(t, index, known)
			for _, ev := range events {
				if is(ev) {
					return ""
				}
			}
			return fmt.Sprintf("%+v", events)
		})
	}
	h.IP(t, "link set peer0 down")
	wait("the loss of carrier", func(ev hostnet.Event) bool { return ev.State == "no-carrier" })
	h.IP(t, "link set peer0 up")
	wait("the carrier", func(ev hostnet.Event) bool { return ev.State == "routable" })
	h.IP(t, fmt.Sprintf("address add 192.0.2.%d/24 dev flap0", 20+round))
	wait("the address, which settles", func(ev hostnet.Event) bool { return ev.Kind == hostnet.KindAddresses })
	return h.emitted(t, index, known)
}

// rightAt has the oneshots do their work by a clock, and looks at it.
func (h *host) rightAt(t *testing.T, shift time.Duration, rounds int) {
	t.Helper()
	// Beside each other: each waits for more at its end.
	ends := []func() (string, string, int){h.beginAt(t, shift, "apply-rules", "--pending"), h.beginAt(t, shift, "run-hooks")}
	for _, end := range ends {
		_, stderr, status := end()
		require.Zero(t, status, stderr)
	}
	rules := h.IP(t, "-N -4 rule")
	for round := range rounds + 1 {
		assert.Equal(t, 3, strings.Count(rules, fmt.Sprintf("192.0.2.%d ", 20+round)), "round %d:\n%s", round, rules)
	}
	out, stderr, _ := h.runAt(t, shift, "status", "--json")
	var doc report.Status
	require.NoError(t, json.Unmarshal([]byte(out), &doc), stderr)
	assert.Empty(t, doc.Health.Reasons)
	assert.WithinDuration(t, time.Now().Add(shift), doc.Time, time.Hour, "the clock was not set")
}

// grown checks the scripts' runs for one link: each event once, by growing numbers,
// each transition from where the one before it ended.
func (h *host) grown(t *testing.T, index, known int) {
	t.Helper()
	state, seq := "", uint64(0)
	ids := map[string]bool{}
	for _, r := range h.runs(t) {
		if r.index != index {
			continue
		}
		assert.False(t, ids[r.id], "twice: %+v", r)
		ids[r.id] = true
		assert.Greater(t, r.seq, seq, "%+v", r)
		seq = r.seq
		if r.kind == "links" || r.kind == "addresses" {
			continue
		}
		if state != "" {
			assert.Equal(t, state, r.previous, "%+v", r)
		}
		state = r.state
	}
	assert.Equal(t, "routable", state)
	for _, ev := range h.emitted(t, index, known) {
		assert.True(t, ids[ev.ID] || ev.Kind.IsLevel(), "an event is lost: %+v", ev)
	}
}

// TestClockJumps sets the clock of the watcher while it runs, and that of every
// oneshot, ahead and back. Nothing is to be seen of it but in the times that are
// told.
func TestClockJumps(t *testing.T) {
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap0\"\n")
	h.logEdges(t)
	h.logHook(t, "addresses.d")
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\nlink set peer0 up\naddress add 192.0.2.20/24 dev flap0\n")
	index := h.index(t, "flap0")
	w := h.watchAt(t, 0)
	h.rightAt(t, 0, 0)
	known := len(h.emitted(t, index, 0))
	round := 0
	for _, jump := range jumps(t) {
		t.Logf("the clock is %s", jump.name)
		shift := jump.shift
		w.clock.set(t, shift)
		w.alive(t)
		round++
		for _, ev := range h.change(t, index, round) {
			assert.WithinDuration(t, time.Now().Add(shift), ev.Time, time.Hour, "the clock was not set")
		}
		h.rightAt(t, shift, round)
	}
	w.end(t, h)
	h.noneLeftOver(t)
	h.grown(t, index, known)
}

// TestClockJumpsBetweenRuns kills the watcher, and sets the clock before the next one
// starts, with events in the spool that the last one made by another time. They
// come in order all the same.
func TestClockJumpsBetweenRuns(t *testing.T) {
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap0\"\n")
	h.logEdges(t)
	h.logHook(t, "addresses.d")
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\nlink set peer0 up\naddress add 192.0.2.20/24 dev flap0\n")
	index := h.index(t, "flap0")
	round := 0
	for _, jump := range jumps(t) {
		t.Logf("the clock is %s", jump.name)
		shift := jump.shift
		w := h.watchAt(t, shift)
		round++
		h.change(t, index, round)
		require.NoError(t, w.cmd.Process.Kill())
		<-w.done
	}
	w := h.watchAt(t, -time.Hour)
	h.rightAt(t, -2*time.Hour, round)
	w.end(t, h)
	h.noneLeftOver(t)
	h.grown(t, index, 0)
}

// TestClockJumpsWhileRulesAreHeldBack: somebody keeps removing a rule, so that it is
// held back, and then the clock is set back by a day.
func TestClockJumpsWhileRulesAreHeldBack(t *testing.T) {
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"flap0\"\n")
	h.IPBatch(t, "link add flap0 type veth peer name peer0\nlink set flap0 up\nlink set peer0 up\naddress add 192.0.2.20/24 dev flap0\n")
	ahead := 24 * time.Hour
	pass := func(shift time.Duration) {
		t.Helper()
		// It makes one pass where no watcher was.
		_, stderr, _ := h.runAt(t, shift, "apply-rules", "--pending")
		assert.NotContains(t, stderr, "panic")
	}
	rules := func() int { return strings.Count(h.IP(t, "-N -4 rule show priority 30002"), "192.0.2.20") }
	tries := 0
	for pass(ahead); rules() == 1; pass(ahead) {
		h.IP(t, "-4 rule delete priority 30002")
		tries++
		require.Less(t, tries, 200, "it is never held back")
	}
	out, _, _ := h.runAt(t, ahead, "status", "--json")
	assert.Contains(t, out, "somebody keeps removing")
	pass(0)
	assert.Equal(t, 1, rules(), "held back until tomorrow")
}
