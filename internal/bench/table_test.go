//go:build bench

package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row is one figure of netbrk beside networkd-dispatcher's.
type row struct {
	what, mode, goal string
	value            func(result) float64
	format           string
}

var rows = []row{
	{"carrier cut to hook, at rest", "exec", "<= 0.5", func(r result) float64 { return milliseconds(median(r.first)) }, "%.1f ms"},
	{"carrier cut to hook, in a burst", "exec", "<= 0.5", func(r result) float64 { return milliseconds(median(r.within)) }, "%.1f ms"},
	{"carrier cut to hook, at rest", "units", "<= 1.6", func(r result) float64 { return milliseconds(median(r.first)) }, "%.1f ms"},
	{"carrier cut to hook, in a burst", "units", "<= 0.5", func(r result) float64 { return milliseconds(median(r.within)) }, "%.1f ms"},
	{"watcher's anonymous memory", "units", "<= 0.4", func(r result) float64 { return mebibytes(r.anonymous) }, "%.1f MiB"},
	{"watcher's resident memory", "units", "<= 0.4", func(r result) float64 { return mebibytes(r.resident) }, "%.1f MiB"},
	// networkd-dispatcher leaves rtnetlink to networkd: there is no peer.
	{"CPU per 10,000 rtnetlink messages", "units", "", func(r result) float64 { return milliseconds(r.cpu) * 10_000 / messages }, "%.1f ms"},
}

// print prints medians; memory is that after the messages.
func print(w io.Writer, suite string, results map[string]result) {
	fmt.Fprintf(w, "\n%s, medians of %d\n\n", machineName(suite), bursts)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\tmode\tnetworkd-dispatcher\tnetbrk\tratio\tgoal")
	peer := results[contestants[0].name]
	for _, r := range rows {
		ours := r.value(results["netbrk --dispatch="+r.mode])
		theirs, ratio := "-", "-"
		if r.goal != "" {
			theirs = fmt.Sprintf(r.format, r.value(peer))
			ratio = fmt.Sprintf("%.2f", ours/r.value(peer))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.mode, theirs, fmt.Sprintf(r.format, ours), ratio, r.goal)
	}
	table.Flush()
}

func median(values []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func mebibytes(kib int) float64 { return float64(kib) / 1024 }
