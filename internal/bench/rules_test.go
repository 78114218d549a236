//go:build bench

package bench

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowds are how many addresses a link has, and how often each contestant does each
// thing then: ip takes 10 s for the largest.
var crowds = []struct{ addresses, times int }{{100, 9}, {1_000, 5}, {10_000, 3}}

// applied is what was measured of a link with so many addresses: durations are
// medians.
type applied struct {
	netbrk, ip             time.Duration // the first run, against the same by ip -batch
	idleNetbrk, idleDump   time.Duration // a run with nothing to do, against ip's dumps
	firstPeak, firstIP     int           // peak of the resident memory, in KiB
	idlePeak, idlePeakDump int
}

// TestBenchRules measures apply-rules beside ip(8), each in a network namespace
// of its own.
func TestBenchRules(t *testing.T) {
	var results []applied
	for _, c := range crowds {
		t.Logf("%d addresses, %d times", c.addresses, c.times)
		results = append(results, measureRules(t, c.addresses, c.times))
	}
	results[len(results)-1].peaks(t, crowds[len(crowds)-1].addresses)
	addRules(results)
}

func measureRules(t *testing.T, addresses, times int) applied {
	t.Helper()
	var first, batch, idle, dumps []time.Duration
	for range times {
		// A namespace each, since the second to apply would find all there.
		ours, theirs := newRulesHost(t, addresses), newRulesHost(t, addresses)
		steps := theirs.plan(t)
		first = append(first, ours.time(t, ours.apply))
		batch = append(batch, theirs.time(t, batchCommand(steps)))
		require.Equal(t, ours.rules(t), theirs.rules(t))
		idle = append(idle, ours.time(t, ours.apply))
		dumps = append(dumps, ours.time(t, dumpCommands()...))
	}
	return applied{netbrk: Median(first), ip: Median(batch), idleNetbrk: Median(idle), idleDump: Median(dumps)}
}

// peaks adds what memory is taken: of the largest crowd, since what ends within
// milliseconds is not seen at its peak.
func (r *applied) peaks(t *testing.T, addresses int) {
	t.Helper()
	ours, theirs := newRulesHost(t, addresses), newRulesHost(t, addresses)
	r.firstIP = peakMemory(t, theirs.ns, batchCommand(theirs.plan(t)))
	r.firstPeak, r.idlePeak = peakMemory(t, ours.ns, ours.apply), peakMemory(t, ours.ns, ours.apply)
	for _, dump := range dumpCommands() {
		r.idlePeakDump = max(r.idlePeakDump, peakMemory(t, ours.ns, dump))
	}
}

func batchCommand(steps string) []string { return []string{"ip", "-4", "-batch", steps} }

// dumpCommands are those that one would read the same facts with: links are
// told with their addresses.
func dumpCommands() [][]string {
	return [][]string{
		{"ip", "-json", "address", "show"},
		{"ip", "-4", "-json", "rule", "show"},
		{"ip", "-6", "-json", "rule", "show"},
		{"ip", "-4", "-json", "route", "show", "table", "all"},
		{"ip", "-6", "-json", "route", "show", "table", "all"},
	}
}

func addRules(results []applied) {
	const batch, dumps = "ip -batch", "ip's five dumps"
	of := func(i int) string { return thousands(strconv.Itoa(crowds[i].addresses)) + " addresses" }
	for i, r := range results {
		table.Add(rules,
			Row{What: "apply-rules, first run", Case: of(i), Unit: "ms", Ours: milliseconds(r.netbrk), Peer: batch, Theirs: milliseconds(r.ip), Goal: Ratio(0.8)},
			Row{What: "apply-rules, nothing to do", Case: of(i), Unit: "ms", Ours: milliseconds(r.idleNetbrk), Peer: dumps, Theirs: milliseconds(r.idleDump), Goal: Ratio(0.5)},
		)
	}
	const few, many = 1, 2
	growth := func(what, peer string, ours, theirs func(applied) time.Duration) Row {
		times := func(of func(applied) time.Duration) float64 {
			return float64(of(results[many])) / float64(of(results[few]))
		}
		return Row{What: what + ", growth", Case: of(few) + " to " + of(many), Unit: "x", Ours: times(ours), Peer: peer, Theirs: times(theirs), Goal: Ratio(1)}
	}
	table.Add(rules,
		growth("apply-rules, first run", batch, func(r applied) time.Duration { return r.netbrk }, func(r applied) time.Duration { return r.ip }),
		growth("apply-rules, nothing to do", dumps, func(r applied) time.Duration { return r.idleNetbrk }, func(r applied) time.Duration { return r.idleDump }),
	)
	largest := results[many]
	table.Add(rules,
		Row{What: "peak memory of the first run", Case: of(many), Unit: "MiB", Ours: mebibytes(largest.firstPeak), Peer: batch, Theirs: mebibytes(largest.firstIP)},
		Row{What: "peak memory with nothing to do", Case: of(many), Unit: "MiB", Ours: mebibytes(largest.idlePeak), Peer: "ip's largest dump", Theirs: mebibytes(largest.idlePeakDump)},
	)
}
