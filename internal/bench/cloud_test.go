//go:build bench

package bench

import (
	"testing"
	"time"
)

const (
	// latency is how late the metadata service answers each request.
	latency     = 10 * time.Millisecond
	eachRequest = "10 ms a request"
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
	addCloud(small, large)
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
	r.first, r.idle, r.cpu = Median(first), Median(idle), Median(cpu)
	return r
}

// addCloud adds figures without a peer's: cloud-network speaks to no service that
// asks for session tokens.
func addCloud(small, large synced) {
	const two, fifteen = "2 NICs, 3 addresses each", "15 NICs, 50 addresses each"
	table.Add(cloud,
		Row{What: "requests of a sync", Case: two, Ours: float64(small.requests), Goal: AtMost(25)},
		Row{What: "requests of a sync", Case: fifteen, Ours: float64(large.requests)},
		Row{What: "first sync, " + eachRequest, Case: two, Unit: "ms", Ours: milliseconds(small.first), Goal: AtMost(150)},
		Row{What: "first sync, " + eachRequest, Case: fifteen, Unit: "ms", Ours: milliseconds(large.first), Goal: AtMost(1000)},
		Row{What: "packets sent in any second", Case: fifteen, Ours: float64(large.packets), Goal: AtMost(200)},
		Row{What: "sync with nothing to do", Case: two, Unit: "ms", Ours: milliseconds(small.idle)},
		Row{What: "sync with nothing to do", Case: fifteen, Unit: "ms", Ours: milliseconds(large.idle)},
		Row{What: "CPU of that", Case: two, Unit: "ms", Ours: milliseconds(small.cpu)},
		Row{What: "CPU of that", Case: fifteen, Unit: "ms", Ours: milliseconds(large.cpu)},
	)
}
