package cloud_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/cloud"
)

// TestWait: each wait is about twice the one before, and all of them span the time
// for which Azure's service may be away.
func TestWait(t *testing.T) {
	times := cloud.DefaultTimes()
	for seed := range uint64(1000) {
		random := rand.New(rand.NewPCG(seed, 0))
		within := func(n time.Duration) time.Duration { return time.Duration(random.Int64N(int64(n))) }
		var span time.Duration
		for tries := range times.Tries - 1 {
			middle := min(times.Backoff<<tries, times.BackoffMax)
			wait := times.Wait(tries, within)
			assert.GreaterOrEqual(t, wait, middle/2)
			assert.LessOrEqual(t, wait, middle/2+middle)
			span += wait
		}
		assert.Greater(t, span, 70*time.Second)
	}
	assert.LessOrEqual(t, times.Wait(1000, func(n time.Duration) time.Duration { return n - 1 }), 3*times.BackoffMax/2)
}
