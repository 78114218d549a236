package cloud

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// tries are those of one request.
type tries struct {
	client       *Client
	method, path string
	count        int
	wait         time.Duration // before the next
	last         error         // why the last one was not good; nil for an answer that is
}

// retrier returns the loop around the tries. It is made for each request, since
// its hooks are told of no state but that of the response.
func (t *tries) retrier() *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: t.client.exchange},
		RetryMax:   t.client.times.Tries - 1,
		CheckRetry: t.check,
		Backoff:    func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return t.wait },
		// The last answer is ours to judge.
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// check looks at the outcome of a try and reports whether there is to be another.
func (t *tries) check(ctx context.Context, response *http.Response, err error) (bool, error) {
	status := 0
	switch {
	case err == nil:
		status = response.StatusCode
		t.last = statusError(status)
	case ctx.Err() == nil || t.last == nil: // else the tries before say more
		t.last = cause(err)
	}
	t.client.log.Debug("metadata request", "method", t.method, "path", t.path, "status", status, "err", t.last)
	if ctx.Err() != nil || !t.client.mayHelp(status, err) {
		return false, nil
	}
	t.wait = t.client.times.backoff(t.count, response)
	t.count++
	// To wait past the deadline would only make the caller wait, too.
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < t.wait {
		return false, nil
	}
	return true, nil
}

// mayHelp reports whether to ask again after a status, or after an error.
func (c *Client) mayHelp(status int, err error) bool {
	switch {
	case err != nil:
		return !errors.Is(err, ErrRefused)
	case status == http.StatusNotImplemented:
		return false
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return true
	}
	return slices.Contains(c.endpoint.Retry, status)
}

// backoff is how long to wait after so many tries: what the answer asks for, and
// up to a quarter more since it asks all of a fleet for the same, or longer each time.
func (t Times) backoff(tries int, response *http.Response) time.Duration {
	if wait, ok := retryAfter(response); ok {
		wait = min(wait, t.RetryAfterMax)
		return wait + rand.N(wait/4+1)
	}
	return t.Wait(tries, rand.N)
}

// retryAfter reads the header of RFC 9110 section 10.2.3, in either form.
func retryAfter(response *http.Response) (time.Duration, bool) {
	if response == nil {
		return 0, false
	}
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	now, dated := http.ParseTime(response.Header.Get("Date"))
	if dated != nil {
		now = time.Now() // else by the clock of who says so: ours may not be set yet
	}
	return max(0, at.Sub(now)), err == nil
}

// failure is the error of a request that has no answer to judge. What the last
// try met says more than that the time was up.
func (t *tries) failure(ctx context.Context, err error) error {
	last := t.last
	switch {
	case last == nil:
		last = cause(err)
	case errors.Is(last, ErrRefused), errors.Is(last, ErrNotReady):
		return withEnd(ctx, last)
	case errors.Is(last, ErrAbsent):
		return last
	}
	return withEnd(ctx, fmt.Errorf("%w: %w", ErrNotReady, last))
}

// withEnd adds the end of the context, where that is why there was no other try.
func withEnd(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w (%w)", err, end)
	}
	return err
}
