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

	"github.com/stretchr/testify/require"
)

const (
	// few and many are how many addresses the link has.
	few, many = 1_000, 10_000
	// applies is how often each contestant does each thing.
	applies = 5
)

// applied is what was measured of a link with so many addresses.
type applied struct {
	netbrk, ip           time.Duration // the first run, against the same by ip -batch
	idleNetbrk, idleDump time.Duration // a run with nothing to do, against ip's dumps
	first, idle          int           // peak resident memory of netbrk, in KiB
}

// TestBenchRules measures apply-rules beside ip(8), each in a network namespace
// of its own.
func TestBenchRules(t *testing.T) {
	results := make(map[int]applied)
	for _, addresses := range []int{few, many} {
		t.Logf("%d addresses, %d times", addresses, applies)
		results[addresses] = measureRules(t, addresses)
	}
	printRules(os.Stdout, results)
}

func measureRules(t *testing.T, addresses int) applied {
	t.Helper()
	var first, batch, idle, dumps []time.Duration
	var r applied
	for range applies {
		// A namespace each, since the second to apply would find all there.
		ours, theirs := newRulesHost(t, addresses), newRulesHost(t, addresses)
		steps := theirs.plan(t)
		first = append(first, ours.time(t, ours.apply))
		batch = append(batch, theirs.time(t, []string{"ip", "-4", "-batch", steps}))
		require.Equal(t, ours.rules(t), theirs.rules(t))
		idle = append(idle, ours.time(t, ours.apply))
		dumps = append(dumps, ours.time(t, dumpCommands()...))
		ours.close()
		theirs.close()
	}
	host := newRulesHost(t, addresses)
	defer host.close()
	r.first, r.idle = host.memory(t), host.memory(t)
	r.netbrk, r.ip, r.idleNetbrk, r.idleDump = median(first), median(batch), median(idle), median(dumps)
	return r
}

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

// printRules prints medians.
func printRules(w io.Writer, results map[int]applied) {
	fmt.Fprintf(w, "\nnetwork namespaces, %d CPUs, %s, medians of %d\n\n", runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), applies)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "apply-rules\taddresses\tip\tnetbrk\tratio\tgoal")
	line := func(what, addresses string, theirs, ours float64, format, goal string) {
		fmt.Fprintf(table, "%s\t%s\t"+format+"\t"+format+"\t%.2f\t%s\n", what, addresses, theirs, ours, ours/theirs, goal)
	}
	for _, n := range []int{few, many} {
		r := results[n]
		line("first run, against ip -batch", fmt.Sprint(n), milliseconds(r.ip), milliseconds(r.netbrk), "%.1f ms", "<= 0.8")
		line("nothing to do, against five dumps", fmt.Sprint(n), milliseconds(r.idleDump), milliseconds(r.idleNetbrk), "%.1f ms", "<= 0.5")
	}
	times := func(of func(applied) time.Duration) float64 {
		return float64(of(results[many])) / float64(of(results[few]))
	}
	growth := fmt.Sprintf("%d / %d", many, few)
	line("first run, growth", growth, times(func(r applied) time.Duration { return r.ip }),
		times(func(r applied) time.Duration { return r.netbrk }), "%.1f x", "<= 1")
	line("nothing to do, growth", growth, times(func(r applied) time.Duration { return r.idleDump }),
		times(func(r applied) time.Duration { return r.idleNetbrk }), "%.1f x", "<= 1")
	for _, n := range []int{few, many} {
		fmt.Fprintf(table, "peak resident memory, first run\t%d\t-\t%.1f MiB\t-\t\n", n, mebibytes(results[n].first))
		fmt.Fprintf(table, "peak resident memory, nothing to do\t%d\t-\t%.1f MiB\t-\t\n", n, mebibytes(results[n].idle))
	}
	table.Flush()
}
