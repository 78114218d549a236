package scale_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hosttest"
)

const (
	// A full view of the Internet in 2026, rounded.
	routes4, routes6 = 1_000_000, 220_000
	// churn is how many messages a second a routing daemon is good for, and for how
	// long it is.
	churn    = 300
	churnFor = 20 * time.Second
	// burst is told as fast as ip(8) can.
	burst = 20_000
)

func route4(i int) string { return fmt.Sprintf("%d.%d.%d.0/24", 20+i>>16, i>>8&255, i&255) }

func addRoute4(i int) string {
	return fmt.Sprintf("route add %s via 192.0.2.2 dev up0 proto bgp\n", route4(i))
}

// flap takes the i-th route away and puts it back.
func flap(i int) string {
	return fmt.Sprintf("route delete %s\n", route4(i)) + addRoute4(i)
}

// TestRouter measures a router whose only uplink has rules of netbrk's and all the
// routes that there are.
func TestRouter(t *testing.T) {
	h := newHost(t, "[Network]\nRoutingPolicyRules = \"up0\"\n")
	h.IPBatch(t, "link add up0 type veth peer name up1\nlink set up0 up\nlink set up1 up\n"+
		"link add side0 type veth peer name side1\nlink set side0 up\nlink set side1 up\n"+
		"address add 192.0.2.1/24 dev up0\naddress add 2001:db8::1/64 dev up0 nodad\n")
	var routes strings.Builder
	for i := range routes4 {
		routes.WriteString(addRoute4(i))
	}
	h.IPBatch(t, routes.String())
	routes.Reset()
	for i := range routes6 {
		fmt.Fprintf(&routes, "route add 2a%02x:%x::/32 via 2001:db8::2 dev up0 proto bgp\n", i>>16, i&0xffff)
	}
	h.IPBatch(t, routes.String(), "-6")

	t.Logf("apply-rules, the first time: %v", h.run(t, "apply-rules"))
	idle := h.run(t, "apply-rules")
	t.Logf("apply-rules, nothing to do: %v", idle)
	assert.Less(t, idle.peakMiB, 64.0, "it must not hold what it will not copy")
	t.Logf("apply-rules, without that link: %v", h.without(t))

	at := time.Now()
	w := h.start(t, "watch", "--dispatch=units", "--print")
	hosttest.Wait(t, "the first pass", func() bool { return strings.Contains(w.printed(), `"kind":"rules"`) })
	t.Logf("watch, until it knows all: %.2f s, %v of CPU, %.1f MiB at the peak", time.Since(at).Seconds(), w.cpu(t), w.memory(t, "VmHWM"))
	w.rest(t)
	t.Logf("watch, at rest: %.2f MiB anonymous, %.1f resident", w.memory(t, "RssAnon"), w.memory(t, "VmRSS"))

	cpu, events := w.cpu(t), strings.Count(w.printed(), `"kind":"routes"`)
	at = time.Now()
	h.IPBatch(t, "route add 198.18.0.0/24 via 192.0.2.2 dev up0\n")
	hosttest.Wait(t, "its event", func() bool { return strings.Count(w.printed(), `"kind":"routes"`) > events })
	told := time.Since(at)
	w.rest(t)
	t.Logf("one route: told after %d ms, %v of CPU", told.Milliseconds(), w.cpu(t)-cpu)

	cpu = w.cpu(t)
	var commands strings.Builder
	for i := range burst / 2 {
		commands.WriteString(flap(i))
	}
	at = time.Now()
	h.IPBatch(t, commands.String())
	took := time.Since(at)
	at = time.Now()
	h.IPBatch(t, "link set side0 down\n")
	hosttest.Wait(t, "a link's change after it", func() bool { return w.state(t, "side0") == "off" })
	told = time.Since(at)
	w.rest(t)
	t.Logf("%d messages in %.2f s: %v of CPU, a change right after them told after %d ms, stock taken anew %d times",
		burst, took.Seconds(), w.cpu(t)-cpu, told.Milliseconds(), strings.Count(h.log(), "taking stock"))

	h.IPBatch(t, "link set side0 up\n")
	w.rest(t)
	cpu = w.cpu(t)
	late := h.churning(t, w, churn)
	t.Logf("%d messages a second: %.0f%% of a CPU, %.2f MiB anonymous, %.1f at the peak; a change of another link told after %d ms in the median, %d at most",
		churn, 100*(w.cpu(t)-cpu).Seconds()/churnFor.Seconds(), w.memory(t, "RssAnon"), w.memory(t, "VmHWM"), late[len(late)/2].Milliseconds(), late[len(late)-1].Milliseconds())
	w.rest(t)
	late = h.churning(t, w, 0)
	t.Logf("without them: after %d ms, %d at most", late[len(late)/2].Milliseconds(), late[len(late)-1].Milliseconds())

	r := h.start(t, "apply-rules", "--pending")
	cpu, own := w.cpu(t), r.cpu(t)
	h.churning(t, w, churn)
	share := (r.cpu(t) - own).Seconds() / churnFor.Seconds()
	t.Logf("the same with apply-rules --pending beside it: %.0f%% of a CPU for that, %.0f%% for the watcher", 100*share, 100*(w.cpu(t)-cpu).Seconds()/churnFor.Seconds())
	assert.Less(t, share, 0.5, "it must not read a full table on end")
}

// without measures a run for which the links with rules have no full table.
func (h *host) without(t *testing.T) spent {
	t.Helper()
	file := filepath.Join(h.Dir, "netbrk.toml")
	toml, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(toml), "up0", "side0")), 0o644))
	defer func() { require.NoError(t, os.WriteFile(file, toml, 0o644)) }()
	h.run(t, "apply-rules") // takes up0's away
	taken := h.run(t, "apply-rules")
	return taken
}

// churning has routes come and go for a while, and links beside them change. It
// returns how late the latter were told, in order.
func (h *host) churning(t *testing.T, w *daemon, rate int) []time.Duration {
	t.Helper()
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	var late []time.Duration
	for n := range int(churnFor / every) {
		<-tick.C
		var commands strings.Builder
		for i := range rate * int(every/time.Millisecond) / 1000 / 2 {
			commands.WriteString(flap(n*rate + i))
		}
		h.IPBatch(t, commands.String())
		// Set down, which the kernel tells of at once; a carrier it may hold back for
		// a second (net/core/link_watch.c).
		switch n % 10 {
		case 0:
			at := time.Now()
			h.IPBatch(t, "link set side0 down\n")
			hosttest.Wait(t, "a change of another link", func() bool { return w.state(t, "side0") == "off" })
			late = append(late, time.Since(at))
		case 5:
			h.IPBatch(t, "link set side0 up\n")
			hosttest.Wait(t, "the change back", func() bool { return w.state(t, "side0") != "off" })
		}
	}
	slices.Sort(late)
	return late
}

// state is the last one that was printed of a link.
func (d *daemon) state(t *testing.T, link string) string {
	t.Helper()
	state := ""
	for line := range strings.Lines(d.printed()) {
		if _, rest, ok := strings.Cut(line, `"state":"`); ok && strings.Contains(line, `"link":"`+link+`"`) {
			state, _, _ = strings.Cut(rest, `"`)
		}
	}
	return state
}
