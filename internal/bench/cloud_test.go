//go:build bench

package bench

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"text/tabwriter"
	"time"
)

const (
	// latency is how late the metadata service answers each request.
	latency = 10 * time.Millisecond
	// syncs is how often each instance is synced, from nothing and once more.
	syncs = 5
)

// synced is what was measured of an instance with so many NICs.
type synced struct {
	first, idle time.Duration // a sync that does all, and one with nothing to do
	cpu         time.Duration // of the latter, user and system
	requests    int           // of one sync
	packets     int           // sent in any one second, at most
}

// TestBenchCloud measures cloud-sync on instances of EC2, each in a network
// namespace of its own.
func TestBenchCloud(t *testing.T) {
	t.Logf("%d times each", syncs)
	small := measureCloud(t, 2, 3)
	large := measureCloud(t, 15, 50)
	printCloud(os.Stdout, small, large)
}

// measureCloud returns medians, of requests and packets the most.
func measureCloud(t *testing.T, nics, addresses int) synced {
	t.Helper()
	var r synced
	var first, idle, cpu []time.Duration
	for range syncs {
		h := newCloudHost(t, nics, addresses)
		packets := h.count(t)
		took, _ := h.sync(t)
		r.packets = max(r.packets, packets())
		r.requests = max(r.requests, len(h.metadata.Requests()))
		h.check(t, nics, addresses)
		first = append(first, took)
		took, busy := h.sync(t)
		idle, cpu = append(idle, took), append(cpu, busy)
	}
	r.first, r.idle, r.cpu = median(first), median(idle), median(cpu)
	return r
}

// printCloud prints the figures beside former ones of cloud-network, for two NICs
// at the same latency: it cannot be measured here, since it speaks to no service
// that asks for session tokens.
func printCloud(w io.Writer, small, large synced) {
	fmt.Fprintf(w, "\nnetwork namespaces, %d CPUs, %s, medians of %d, %d ms a request\n\n",
		runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), syncs, latency.Milliseconds())
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "cloud-sync\tinstance\tcloud-network (not measured here)\tnetbrk\tgoal")
	const two, fifteen = "2 NICs, 3 addresses each", "15 NICs, 50 addresses each"
	line := func(what, instance, theirs, format string, ours any, goal string) {
		fmt.Fprintf(table, "%s\t%s\t%s\t"+format+"\t%s\n", what, instance, theirs, ours, goal)
	}
	line("requests", two, "131", "%d", small.requests, "<= 25")
	line("first sync", two, "7000 ms", "%.0f ms", milliseconds(small.first), "<= 150 ms")
	line("nothing to do", two, "-", "%.0f ms", milliseconds(small.idle), "")
	line("nothing to do, CPU", two, "-", "%.1f ms", milliseconds(small.cpu), "")
	line("requests", fifteen, "-", "%d", large.requests, "")
	line("first sync", fifteen, "-", "%.0f ms", milliseconds(large.first), "< 1000 ms")
	line("packets sent in any second", fifteen, "-", "%d", large.packets, "< 200")
	line("nothing to do", fifteen, "-", "%.0f ms", milliseconds(large.idle), "")
	line("nothing to do, CPU", fifteen, "-", "%.1f ms", milliseconds(large.cpu), "")
	table.Flush()
}
