package cloud

import (
	"cmp"
	"time"
)

// How long a run waits for the metadata: the first sync of a boot, when the service
// may still come up, and any other.
const (
	FirstAnswer = 2 * time.Minute
	AnyAnswer   = 30 * time.Second
)

// Times bound how long a client waits, and how much it asks. What the whole of a
// run may take is its context's.
type Times struct {
	Dial    time.Duration // until there is a connection
	Header  time.Duration // from the request to the first line of the answer
	Request time.Duration // one try, its body included

	Backoff    time.Duration // before the second try; it doubles with each
	BackoffMax time.Duration
	// RetryAfterMax bounds what a service may ask us to wait.
	RetryAfterMax time.Duration

	Tries int // of one request
}

// DefaultTimes suit every cloud: the tries span the 70 s for which Azure answers
// 410 while it moves the service, though many a wait is a short one.
func DefaultTimes() Times {
	return Times{
		Dial: time.Second, Header: 2 * time.Second, Request: 5 * time.Second,
		Backoff: 200 * time.Millisecond, BackoffMax: 5 * time.Second, RetryAfterMax: 30 * time.Second,
		Tries: 24,
	}
}

func (t Times) orDefault() Times {
	d := DefaultTimes()
	return Times{
		Dial: cmp.Or(t.Dial, d.Dial), Header: cmp.Or(t.Header, d.Header), Request: cmp.Or(t.Request, d.Request),
		Backoff: cmp.Or(t.Backoff, d.Backoff), BackoffMax: cmp.Or(t.BackoffMax, d.BackoffMax),
		RetryAfterMax: cmp.Or(t.RetryAfterMax, d.RetryAfterMax),
		Tries:         cmp.Or(t.Tries, d.Tries),
	}
}

// Wait is how long to wait after so many tries: twice as long each time, up to half
// more or less. By less than that a fleet that was refused together would come back
// together, again and again, and leave the service idle between; internal/scale
// reckons with it. within returns a duration below n, at random.
func (t Times) Wait(tries int, within func(n time.Duration) time.Duration) time.Duration {
	wait := t.BackoffMax
	if tries < 16 {
		wait = min(t.Backoff<<tries, t.BackoffMax)
	}
	return wait/2 + within(wait+1)
}
