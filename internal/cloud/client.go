package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"

	"github.com/hashicorp/go-retryablehttp"
)

// Options are what a caller may set; the zero value is right for a machine in a
// cloud that has no IPv6 service on a link.
type Options struct {
	// Base is a URL that stands for every base of the endpoint. One without a
	// path gets the endpoint's.
	Base string
	// Links are the names that stand for "%LINK", in order.
	Links []string
	// Times bound the waiting; those that are 0 are DefaultTimes'.
	Times Times
	// Log gets a line for each try, at debug level; nil for none.
	Log *slog.Logger
	// Dial connects instead of the kernel, in tests; nil for the kernel.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client asks one cloud's service. It is a Getter, for several goroutines at
// once and for one run: the base that was reached first and the session token
// are kept.
type Client struct {
	endpoint Endpoint
	times    Times
	log      *slog.Logger
	exchange *exchange
	token    *session
}

// NewClient returns a client of the service at endpoint. It asks nothing yet; an
// error is that of a base that cannot be used.
func NewClient(endpoint Endpoint, options Options) (*Client, error) {
	times := options.Times.orDefault()
	bases, err := resolveBases(endpoint.Bases, options.Base, options.Links)
	if err != nil {
		return nil, err
	}
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		endpoint: endpoint, times: times, log: log,
		exchange: newExchange(bases, times, options.Dial),
		token:    &session{lock: make(chan struct{}, 1)},
	}, nil
}

// Close closes the connections that are kept for further requests.
func (c *Client) Close() { c.exchange.transport.CloseIdleConnections() }

// Get returns the body of a key, whose path may end in a query. It is bounded by
// ctx and by Times. The error wraps ErrAbsent, ErrNotReady or ErrRefused.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	body, err := c.get(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading metadata %q: %w", path, err)
	}
	return body, nil
}

// get asks with the token of the run. One that the service knows no more, such
// as after a resume, is replaced once.
func (c *Client) get(ctx context.Context, path string) ([]byte, error) {
	for renewed := false; ; renewed = true {
		token, err := c.currentToken(ctx)
		if err != nil {
			return nil, err
		}
		header := c.header()
		if token != "" {
			header.Set(c.endpoint.Token.Header, token)
		}
		status, body, err := c.ask(ctx, http.MethodGet, path, header)
		if err != nil {
			return nil, err
		}
		if status == http.StatusUnauthorized && c.endpoint.Token != nil && !renewed {
			c.token.forget(token)
			continue
		}
		return body, statusError(status)
	}
}

func (c *Client) header() http.Header {
	header := http.Header{"User-Agent": {"netbrk"}}
	for name, value := range c.endpoint.Header {
		header.Set(name, value)
	}
	return header
}

// ask sends a request, again while that may help, and returns the last answer.
// The error is that of no answer, or of one that must not be used.
func (c *Client) ask(ctx context.Context, method, path string, header http.Header) (int, []byte, error) {
	request, err := retryablehttp.NewRequestWithContext(ctx, method, "http://metadata/"+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrRefused, cause(err))
	}
	request.Header = header
	tries := &tries{client: c, method: method, path: path}
	response, err := tries.retrier().Do(request)
	if err != nil {
		return 0, nil, tries.failure(ctx, err)
	}
	// The exchange has read the body already: this neither waits nor fails.
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return response.StatusCode, body, c.checkAnswer(response, body)
}

// statusError is what an answer's status means, once asking again is over.
func statusError(status int) error {
	class := ErrRefused
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound:
		class = ErrAbsent
	case status == http.StatusTooManyRequests, status == http.StatusGone, status == http.StatusRequestTimeout,
		status >= http.StatusInternalServerError:
		class = ErrNotReady
	}
	return fmt.Errorf("%w: status %d %s", class, status, http.StatusText(status))
}

// cause strips what net/http says around an error: the method and a URL that
// are ours alone.
func cause(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		return inURL.Err
	}
	return err
}
