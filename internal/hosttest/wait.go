package hosttest

import (
	"testing"
	"time"
)

// Patience bounds every wait for what must come.
const Patience = time.Minute

// Wait looks every millisecond whether what somebody else does is done.
func Wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waiting for %s: it does not come within %v", what, Patience)
		case <-tick.C:
		}
	}
}
