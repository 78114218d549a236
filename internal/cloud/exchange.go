package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// maxBody bounds an answer; the largest seen, GCP's whole tree, has 100 KB.
	maxBody = 1 << 20
	// maxRun bounds the answers of a run, which are kept in memory: a list of a
	// thousand keys may have as many answers of maxBody.
	maxRun    = 32 << 20
	maxHeader = 64 << 10
	// maxConnections bounds the requests under way: EC2 drops packets to
	// link-local services above 1,024 a second, and each connection costs some.
	maxConnections = 8
	// requestBurst and requestsPerSecond keep any second of a run at 175 requests
	// at most, whatever the number of NICs.
	requestBurst      = 100
	requestsPerSecond = 75
)

// exchange is one try, as a transport of retryablehttp's client: it sends a request
// to the base in use and reads the whole answer. The first base that can be connected
// to is used for the rest of the run.
type exchange struct {
	transport *http.Transport
	times     Times
	pace      *rate.Limiter
	bases     []string
	// choice holds the base in use, "" until one was reached. Whoever has taken
	// it out is looking, and all others wait.
	choice chan string
	read   atomic.Int64 // bytes of all bodies
}

func newExchange(bases []string, times Times, dial func(context.Context, string, string) (net.Conn, error)) *exchange {
	if dial == nil {
		dial = (&net.Dialer{Timeout: times.Dial}).DialContext
	}
	x := &exchange{
		transport: &http.Transport{
			Proxy:                 nil, // never one for a link-local service, whatever the environment says
			DialContext:           dial,
			ResponseHeaderTimeout: times.Header,
			MaxConnsPerHost:       maxConnections,
			MaxIdleConnsPerHost:   maxConnections,
			IdleConnTimeout:       times.RetryAfterMax,
			DisableCompression:    true,

			MaxResponseHeaderBytes: maxHeader,
		},
		times:  times,
		pace:   rate.NewLimiter(requestsPerSecond, requestBurst),
		bases:  bases,
		choice: make(chan string, 1),
	}
	x.choice <- ""
	return x
}

// RoundTrip sends the request, of whose URL only the path and the query count.
func (x *exchange) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := x.pace.Wait(request.Context()); err != nil {
		return nil, err
	}
	var base string
	select {
	case base = <-x.choice:
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	if base != "" {
		x.choice <- base
		return x.try(request, base)
	}
	base, response, err := x.search(request)
	x.choice <- base
	return response, err
}

// maxFailures bounds what is told of a service that nobody reaches: there may be a base
// for each link of the host.
const maxFailures = 4

// search tries all bases until one can be connected to, and returns it.
func (x *exchange) search(request *http.Request) (base string, response *http.Response, err error) {
	var failures []string
	for n, base := range x.bases {
		response, err := x.try(request, base)
		if !unreachable(err) {
			return base, response, err
		}
		switch {
		case n < maxFailures:
			failures = append(failures, err.Error())
		case n == maxFailures:
			failures = append(failures, "and so on")
		}
		if request.Context().Err() != nil {
			break
		}
	}
	return "", nil, errors.New(strings.Join(failures, "; "))
}

// unreachable reports whether there was no connection at all.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// try sends the request to base and reads the answer, within Times.Request.
func (x *exchange) try(request *http.Request, base string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), x.times.Request)
	defer cancel()
	target, err := url.Parse(base + strings.TrimPrefix(request.URL.RequestURI(), "/"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, cause(err))
	}
	sent := request.Clone(ctx)
	sent.URL, sent.Host = target, ""
	response, err := x.transport.RoundTrip(sent)
	if err != nil {
		return nil, presentable(err)
	}
	defer response.Body.Close()
	// No service redirects; what does is a proxy or a portal, and where it points
	// to is nobody to send a token to.
	if response.StatusCode/100 == 3 {
		return nil, fmt.Errorf("%w: status %d %s is a redirect", ErrRefused, response.StatusCode, http.StatusText(response.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer's body: %w", presentable(err))
	case len(body) > maxBody:
		return nil, fmt.Errorf("%w: the body is larger than %d bytes", ErrRefused, maxBody)
	case x.read.Add(int64(len(body))) > maxRun:
		return nil, fmt.Errorf("%w: more than %d bytes in one run", ErrRefused, maxRun)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// maxErrorText bounds what is told of an answer that is none of HTTP's.
const maxErrorText = 200

// presentable makes an error of net/http fit for a terminal and a log: it may quote
// what was sent, which is as long as a header may be.
func presentable(err error) error {
	if hostnet.PrintableText(err.Error(), maxErrorText) {
		return err
	}
	return presented{err}
}

// presented is an error without what nobody should be shown.
type presented struct{ error }

func (p presented) Unwrap() error { return p.error }

func (p presented) Error() string { return hostnet.MakePrintable(p.error.Error(), maxErrorText) }
