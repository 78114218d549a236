package scale_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/cloud/providers"
	"github.com/netbrk/netbrk/internal/scale"
)

// instances are few: what is reckoned for a million has to be true of these, too.
const instances = 3000

func shipped(t *testing.T) scale.Shipped {
	t.Helper()
	s, err := scale.ReadShipped("../../units")
	require.NoError(t, err)
	return s
}

// fleet asks as EC2's instances do.
func fleet(t *testing.T) scale.Fleet {
	t.Helper()
	s := shipped(t)
	asking, err := scale.Measure(providers.Named("aws"), s)
	require.NoError(t, err)
	return scale.Fleet{Shipped: s, Asking: asking, Instances: instances, Until: time.Hour, Seed: 1}
}

// near checks that a figure is within a part of what arithmetic says.
func near(t *testing.T, want, got, part float64, what string) {
	t.Helper()
	assert.InDelta(t, want, got, want*part, what)
}

func TestSettled(t *testing.T) {
	f := fleet(t)
	f.Settled = true
	period := (f.Interval + f.Delay/2 + f.Accuracy/2).Seconds()
	near(t, instances*float64(f.Requests)/period, f.Simulate().Mean(10*time.Minute, f.Until), 0.02, "requests a second")
}

// TestReboot: all ask in the first second, then drift apart by the delay, round by
// round.
func TestReboot(t *testing.T) {
	f := fleet(t)
	tally := f.Simulate()
	all := instances * f.Requests
	second, asked := tally.Worst(0, f.Until)
	assert.Equal(t, []int{0, all}, []int{second, asked})
	assert.Zero(t, tally.AllTold(instances))
	assert.Zero(t, tally.Failed)

	for round := 1; round < 6; round++ {
		from, width := time.Duration(round)*f.Interval, time.Duration(round)*f.Delay
		end := from + width + time.Duration(round)*f.Accuracy + time.Second
		near(t, float64(all), tally.Mean(from, end)*(end-from).Seconds(), 0.001, "a round, and nobody else")
		// A second or two at either end are thinner, by systemd's accuracy.
		margin := 6 * time.Second
		near(t, float64(all)/width.Seconds(), tally.Mean(from+margin, from+width-margin), 0.15, "a second of a round")
	}
}

// TestCloned: with one machine-id for all they stay together.
func TestCloned(t *testing.T) {
	f := fleet(t)
	f.Cloned = true
	_, apart := fleet(t).Simulate().Worst(50*time.Minute, f.Until)
	_, together := f.Simulate().Worst(50*time.Minute, f.Until)
	assert.Greater(t, together, 5*apart)
}

// TestCapacity: a service that cannot answer all at once has as much to do in each
// second as it can, until nearly all are told. With waits that differ by a fifth, all
// would come back together, and it would be idle between.
func TestCapacity(t *testing.T) {
	f := fleet(t)
	f.Capacity = instances
	tally := f.Simulate()
	least := f.Requests // seconds
	last := tally.AllTold(instances)
	assert.GreaterOrEqual(t, last, least-1)
	assert.LessOrEqual(t, last, least*3/2)
	for second := range least * 3 / 4 {
		assert.Greater(t, tally.Answered[second], f.Capacity*9/10, "second %d", second)
	}
}

// TestOutage: nobody gives up, and none asks on end.
func TestOutage(t *testing.T) {
	f := fleet(t)
	f.Down, f.Up = 0, 5*time.Minute
	tally := f.Simulate()
	assert.Positive(t, tally.Failed)
	last := tally.AllTold(instances)
	assert.GreaterOrEqual(t, last, int(f.Up/time.Second))
	assert.Less(t, last, int((f.Up+f.Restart+f.Times.BackoffMax)/time.Second))
	assert.Less(t, tally.Mean(f.Restart, f.Up)/instances, 1.0, "tries a second")
}

// TestSame: a seed is a run.
func TestSame(t *testing.T) {
	f := fleet(t)
	f.Boot = time.Minute
	assert.Equal(t, f.Simulate(), f.Simulate())
	other := f
	other.Seed++
	assert.NotEqual(t, f.Simulate().Asked, other.Simulate().Asked)
}

// TestClient has each cloud's own code ask a service that is down, and compares
// with what is reckoned: how often it asks, and when it gives up.
func TestClient(t *testing.T) {
	const syncs = 20
	for _, p := range providers.All() {
		for _, first := range []bool{true, false} {
			s := shipped(t)
			asking, err := scale.Measure(p, s)
			require.NoError(t, err)
			limit := s.Any
			if first {
				limit = s.First
			}
			asked := 0
			synctest.Test(t, func(t *testing.T) {
				server := imdstest.New(p.Name(), scale.Instance(2, 3))
				server.Script(imdstest.Fault{Path: "*", Kind: imdstest.Unavailable})
				pipe := server.Pipe()
				defer pipe.Close()
				for range syncs {
					client, err := cloud.NewClient(p.Endpoint(), cloud.Options{Dial: pipe.Dial})
					require.NoError(t, err)
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					_, err = p.Fetch(ctx, client)
					require.ErrorIs(t, err, cloud.ErrNotReady)
					cancel()
					client.Close()
				}
				asked = len(server.Requests())
			})
			f := scale.Fleet{Shipped: s, Asking: asking, Instances: instances, Settled: !first, Until: 20 * time.Minute}
			f.Service = scale.Service{Up: time.Hour}
			f.Restart = time.Hour // one sync each
			tally := f.Simulate()
			require.Equal(t, instances, tally.Failed)
			ours := 0
			for _, n := range tally.Asked {
				ours += n
			}
			near(t, float64(asked)/syncs, float64(ours)/instances, 0.1, p.Name()+" requests of a sync")
		}
	}
}
