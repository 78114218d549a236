package scale

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/netbrk/netbrk/internal/cloud/providers"
)

// scene is something that happens to a fleet.
type scene struct {
	set   func(f *Fleet) // changes a fleet that boots in one second
	parts []part
}

// part is a span in which the worst second is looked for; to the end, where to is 0.
type part struct {
	name     string
	from, to time.Duration
}

// away is for how long the service is down in a scene.
const away = 5 * time.Minute

func scenes() []scene {
	return []scene{
		{func(f *Fleet) { f.Settled = true }, []part{{"nothing, for long", 0, 0}}},
		{func(*Fleet) {}, []part{
			{"all boot in one second", 0, away / 2},
			{"  the second syncs", away / 2, 2 * away},
			{"  after 50 min", 10 * away, 0},
		}},
		{func(f *Fleet) { f.Boot = time.Minute }, []part{
			{"all boot within 1 min", 0, away / 2},
			{"  the second syncs", away / 2, 2 * away},
		}},
		{func(f *Fleet) { f.Boot = 10 * time.Minute }, []part{{"all boot within 10 min", 0, 0}}},
		{func(f *Fleet) { f.Boot, f.Cloned = time.Minute, true }, []part{
			{"all boot within 1 min and have one machine-id: after 50 min", 10 * away, 0},
		}},
		{func(f *Fleet) { f.Capacity = f.Instances }, []part{
			{"all boot in one second, and it answers 1 request an instance and second", 0, away / 2},
		}},
		{func(f *Fleet) { f.Settled, f.Down, f.Up, f.Until = true, away, 2*away, 4*away }, []part{
			{"it is away for 5 min", away, 2 * away},
			{"  it is back", 2 * away, 0},
		}},
		{func(f *Fleet) { f.Boot, f.Up, f.Until = time.Minute, away, 2*away }, []part{
			{"all boot within 1 min, and it is away until 5 min", 0, away},
			{"  it is back", away, 0},
		}},
	}
}

// Print simulates the scenes, side by side, and prints what came of each.
func Print(w io.Writer, f Fleet) error {
	scenes := scenes()
	fleets, tallies := make([]Fleet, len(scenes)), make([]Tally, len(scenes))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i, scene := range scenes {
		group.Go(func() error {
			fleet := f
			scene.set(&fleet)
			fleets[i], tallies[i] = fleet, fleet.Simulate()
			return nil
		})
	}
	_ = group.Wait()

	quiet := tallies[0].Mean(0, fleets[0].Until)
	fmt.Fprintf(w, "%d instances of %s, %d requests a sync, the next one %v to %v after it; seed %d\nquiet: %.0f requests a second\n\n",
		f.Instances, f.Cloud, f.Requests, f.Interval, f.Interval+f.Delay+f.Accuracy, f.Seed, quiet)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "in the worst second\tan instance's\ttimes quiet\tat\tall told by\t  what happens")
	for i, scene := range scenes {
		told := "-"
		if second := tallies[i].AllTold(f.Instances); second >= 0 {
			told = fmt.Sprintf("%d s", second+1)
		}
		for _, part := range scene.parts {
			at, asked := tallies[i].Worst(part.from, cmp.Or(part.to, fleets[i].Until))
			fmt.Fprintf(table, "%d\t%.2f\t%.1f\t%d s\t%s\t  %s\n", asked, float64(asked)/float64(f.Instances), float64(asked)/quiet, at, told, part.name)
		}
	}
	return table.Flush()
}

// PrintClouds prints what the instances of each cloud ask.
func PrintClouds(w io.Writer, s Shipped) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "cloud\trequests a sync\tan instance and hour\ttries of a sync while it is away\twithin")
	for _, p := range providers.All() {
		a, err := Measure(p, s)
		if err != nil {
			return err
		}
		period := s.Interval + s.Delay/2 + s.Accuracy/2
		f := Fleet{Shipped: s, Asking: a, Instances: 1000, Settled: true, Until: time.Hour, Seed: 1}
		f.Up, f.Restart = 2*f.Until, 2*f.Until // one sync each, without an answer
		t := f.Simulate()
		fmt.Fprintf(table, "%s\t%d\t%.0f\t%.1f\t%v\n", a.Cloud, a.Requests, float64(a.Requests)*float64(time.Hour)/float64(period),
			t.Mean(0, f.Until)*f.Until.Seconds()/float64(cmp.Or(t.Failed, 1)), a.Any)
	}
	return table.Flush()
}
