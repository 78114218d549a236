// Fleet tells what a fleet of instances asks of its metadata service when it is
// rebooted, or the service was away: see internal/SCALE.md. It asks nobody.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/netbrk/netbrk/internal/cloud/providers"
	"github.com/netbrk/netbrk/internal/scale"
)

func main() {
	instances := flag.Int("instances", 1_000_000, "how many there are")
	cloud := flag.String("cloud", "aws", "whose they are")
	seed := flag.Uint64("seed", 1, "of what is left to chance")
	units := flag.String("units", "units", "`directory` of the units that are shipped")
	flag.Parse()
	if err := run(os.Stdout, *units, *cloud, *instances, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, units, cloud string, instances int, seed uint64) error {
	if instances < 1 || instances > math.MaxInt32 {
		return fmt.Errorf("reckoning with %d instances: 1 to %d are a fleet", instances, math.MaxInt32)
	}
	shipped, err := scale.ReadShipped(units)
	if err != nil {
		return err
	}
	p := providers.Named(cloud)
	if p == nil {
		return fmt.Errorf("there is no cloud %q", cloud)
	}
	asking, err := scale.Measure(p, shipped)
	if err != nil {
		return err
	}
	f := scale.Fleet{Shipped: shipped, Asking: asking, Instances: instances, Until: time.Hour, Seed: seed}
	if err := scale.Print(w, f); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return scale.PrintClouds(w, shipped)
}
