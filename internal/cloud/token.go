package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// tokenLifetime is the longest that services grant.
	tokenLifetime = 6 * time.Hour
	maxToken      = 4 << 10
)

// session holds the session token of a run.
type session struct {
	// lock holds a value while somebody reads or renews the token, no longer than
	// the context of whoever does. It is no sync.Mutex since in a bubble of
	// testing/synctest no time passes for those who wait for one.
	lock  chan struct{}
	value string
	// until is when to ask for another, by the monotonic clock: the wall clock
	// may still be wrong this early.
	until time.Time
	// without says that the service has no tokens.
	without bool
	// failed is why there was none last time.
	failed error
}

// currentToken returns the token to send, "" for none. The error is never
// ErrAbsent: that is for keys.
func (c *Client) currentToken(ctx context.Context) (string, error) {
	if c.endpoint.Token == nil {
		return "", nil
	}
	s := c.token
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if ctx.Err() != nil && s.failed != nil {
		return "", s.failed // the time went by while another asked
	}
	if s.without || s.value != "" && time.Now().Before(s.until) {
		return s.value, nil
	}
	value, err := c.newToken(ctx)
	switch {
	case errors.Is(err, errNoTokens) && c.endpoint.Token.Optional:
		s.value, s.without = "", true
		return "", nil
	case err != nil:
		s.failed = fmt.Errorf("asking for a session token: %w", err)
		return "", s.failed
	}
	s.value, s.until = value, time.Now().Add(tokenLifetime*4/5)
	return value, nil
}

// forget drops a token that the service refused, unless it was replaced already.
func (s *session) forget(value string) {
	s.lock <- struct{}{}
	defer func() { <-s.lock }()
	if s.value == value {
		s.value, s.without = "", false
	}
}

// errNoTokens says that the service knows no tokens, or grants us none.
var errNoTokens = errors.New("no session tokens here")

func (c *Client) newToken(ctx context.Context) (string, error) {
	header := c.header()
	header.Set(c.endpoint.Token.TTLHeader, strconv.Itoa(int(tokenLifetime.Seconds())))
	status, body, err := c.ask(ctx, http.MethodPut, c.endpoint.Token.Path, header)
	switch {
	case errors.Is(err, ErrAbsent): // time was up while waiting for it to appear
		return "", fmt.Errorf("%w: no answer but \"not found\"", ErrNotReady)
	case err != nil:
		return "", err
	}
	switch status {
	case http.StatusOK:
	case http.StatusNotFound: // for good, or while the service comes up
		return "", fmt.Errorf("%w: %w", statusError(status), errNoTokens)
	case http.StatusForbidden, http.StatusMethodNotAllowed:
		return "", fmt.Errorf("%w: status %d %s: %w", ErrRefused, status, http.StatusText(status), errNoTokens)
	default:
		return "", statusError(status)
	}
	value := bytes.TrimSpace(body)
	if len(value) == 0 || len(value) > maxToken || bytes.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%w: what came is no token", ErrRefused)
	}
	return string(value), nil
}
