package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving starts a server in the bubble; ended tells when and how it ended.
func serving(t *testing.T, ctx context.Context, l net.Listener, o Options) (ended chan error) {
	t.Helper()
	o.Log = quiet()
	if o.Source == nil {
		o.Source = fake{provider: "aws"}
	}
	ended = make(chan error, 1)
	go func() { ended <- Serve(ctx, []net.Listener{l}, o) }()
	return ended
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := newPipes(), time.Now()
		ended := serving(t, t.Context(), l, Options{Idle: 30 * time.Second})
		require.NoError(t, <-ended)
		assert.Equal(t, 30*time.Second, time.Since(began))
		_, err := l.dial()
		assert.Error(t, err, "the listener is closed")
	})
}

// TestIdleBusy: as long as somebody is connected nobody leaves; a connection that
// says nothing is not for ever.
func TestIdleBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		ended := serving(t, t.Context(), l, Options{Idle: 30 * time.Second})
		time.Sleep(29 * time.Second) //nolint:forbidigo // the bubble's clock: no time passes
		began := time.Now()
		for range 10 {
			c, err := l.dial()
			require.NoError(t, err)
			response, _, err := talk(c, plainRequest)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, response.StatusCode)
			time.Sleep(9 * time.Second) //nolint:forbidigo // the same
			response, _, err = talk(c, plainRequest)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, response.StatusCode)
			require.NoError(t, c.Close())
		}
		c, err := l.dial()
		require.NoError(t, err)
		_, err = io.ReadAll(c)
		require.NoError(t, err, "closed by the server")
		require.NoError(t, <-ended)
		assert.Equal(t, 10*9*time.Second+headerTime+30*time.Second, time.Since(began))
	})
}

// TestIdleLast: who connects while the server leaves is answered.
func TestIdleLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		mine, theirs := net.Pipe()
		l.last = theirs
		ended := serving(t, t.Context(), l, Options{Idle: time.Second})
		response, body, err := talk(mine, plainRequest)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode, body)
		assert.True(t, response.Close)
		require.NoError(t, <-ended)
	})
}

func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, wait := newPipes(), make(chan struct{})
		ended := serving(t, ctx, l, Options{Source: fake{wait: wait}})
		c, err := l.dial()
		require.NoError(t, err)
		go func() {
			synctest.Wait()
			cancel() // while a request is being answered
			time.AfterFunc(time.Second, func() { close(wait) })
		}()
		response, _, err := talk(c, plainRequest)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode, "which it is to its end")
		require.NoError(t, <-ended)
	})
}

func TestServeListenerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		require.NoError(t, l.Close())
		ended := serving(t, t.Context(), l, Options{})
		assert.ErrorContains(t, <-ended, "serving pipes: ")
	})
}

func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := newPipes()
		ended := serving(t, ctx, l, Options{})
		open := make(chan net.Conn, maxConnections+1)
		for range maxConnections + 1 {
			go func() {
				if c, err := l.dial(); err == nil {
					open <- c
				}
			}()
		}
		synctest.Wait()
		assert.Len(t, open, maxConnections)
		require.NoError(t, (<-open).Close())
		synctest.Wait()
		assert.Len(t, open, maxConnections, "its place is taken")
		cancel()
		require.NoError(t, <-ended)
	})
}

// TestTimes: a client that dawdles is left.
func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		want       time.Duration
	}{
		{"says nothing", "", headerTime},
		{"half a header", "GET /api/v1/status HTTP/1.1\r\nHost: lo", headerTime},
		{"no next request", plainRequest, keepTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				l := newPipes()
				ended := serving(t, ctx, l, Options{})
				c, err := l.dial()
				require.NoError(t, err)
				began := time.Now()
				go func() { _, _ = io.WriteString(c, tt.sent) }()
				_, err = io.ReadAll(c)
				require.NoError(t, err)
				assert.Equal(t, tt.want, time.Since(began))
				cancel()
				require.NoError(t, <-ended)
			})
		})
	}
	t.Run("the answer is not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			l := newPipes()
			ended := serving(t, ctx, l, Options{})
			c, err := l.dial()
			require.NoError(t, err)
			began := time.Now()
			_, err = io.WriteString(c, plainRequest) // a pipe has no buffer: nothing of the answer is sent
			require.NoError(t, err)
			time.Sleep(writeTime) //nolint:forbidigo // the bubble's clock: no time passes
			synctest.Wait()
			_, err = io.ReadAll(c)
			require.NoError(t, err, "closed, with nothing sent")
			assert.Equal(t, writeTime, time.Since(began))
			cancel()
			require.NoError(t, <-ended)
		})
	})
	t.Run("the source hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			l := newPipes()
			ended := serving(t, ctx, l, Options{Source: fake{wait: make(chan struct{})}})
			c, err := l.dial()
			require.NoError(t, err)
			began := time.Now()
			response, _, err := talk(c, plainRequest)
			require.NoError(t, err)
			assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
			assert.Equal(t, answerTime, time.Since(began))
			require.NoError(t, c.Close())
			cancel()
			require.NoError(t, <-ended)
		})
	})
}

// request has a server answer bytes on a connection of their own.
func request(t testing.TB, raw []byte) (*http.Response, error) {
	t.Helper()
	response, _, err := answered(t, raw)
	return response, err
}

// answered is request with the body of the answer, as far as it comes.
func answered(t testing.TB, raw []byte) (response *http.Response, body string, err error) {
	t.Helper()
	server := newServer(Options{Source: fake{provider: "aws"}, Log: quiet()}, newIdle(0))
	mine, theirs := net.Pipe()
	l := newPipes()
	l.last = theirs
	require.NoError(t, l.Close()) // after this one there is no other
	served := make(chan struct{})
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(served)
		}
	}
	assert.ErrorIs(t, server.Serve(l), net.ErrClosed)
	go func() { _, _ = mine.Write(raw) }() // as far as it is read
	method := http.MethodGet
	if bytes.HasPrefix(raw, []byte(http.MethodHead+" ")) {
		method = http.MethodHead
	}
	response, err = http.ReadResponse(bufio.NewReader(mine), &http.Request{Method: method})
	if err == nil {
		text, _ := io.ReadAll(response.Body)
		body = string(text)
	}
	require.NoError(t, mine.Close())
	<-served
	return response, body, err
}

func TestRequests(t *testing.T) {
	long := func(n int) string { return "X: " + strings.Repeat("x", n) + "\r\n" }
	for _, tt := range []struct {
		name, raw string
		want      int
	}{
		{"plain", plainRequest, 200},
		{"7 KiB of header", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n" + long(7<<10) + "\r\n", 200},
		{"more than 8 KiB", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n" + long(8<<10) + "\r\n", 431},
		{"a long path", "GET /" + strings.Repeat("x", 8<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
		{"another host in the target", "GET http://attacker.example/api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		{"two hosts", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example\r\n\r\n", 400},
		{"no host", "GET /api/v1/status HTTP/1.1\r\n\r\n", 400},
		{"version 1.0", "GET /api/v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n", 505},
		{"version 0.9", "GET /api/v1/status\r\n\r\n", 400},
		{"version 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"upgrade to 2", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", 200},
		{"a server as a whole", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
		{"a tunnel", "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		{"a body", "POST /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 413},
		{"a body in chunks", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 413},
		{"a body to come", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 413},
		{"smuggled", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			response, err := request(t, []byte(tt.raw))
			require.NoError(t, err)
			assert.Equal(t, tt.want, response.StatusCode)
			assert.Empty(t, response.Header.Get("Upgrade"))
			if tt.want == http.StatusRequestEntityTooLarge {
				assert.True(t, response.Close, "what follows may be the body")
			}
		})
	}
}

// FuzzRequest: whatever a client sends, it is told something only if it asked for
// this host, from no other site, without a body; what it is told is one of our
// documents, whatever the query, and a refusal has nothing of the request in it.
func FuzzRequest(f *testing.F) {
	for _, raw := range []string{
		plainRequest, "GET /x HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET http://localhost/api/v1/status HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx",
		"GET /api/v1/links?part=../rules&callback=x%0d%0aSet-Cookie:%20a=b#f HTTP/1.1\r\nHost: [::1]:5209\r\n\r\n",
		"GET /api/v1/%73tatus?%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "GET /%0d%0aX:%20y HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\n\r\n", "OPTIONS /secret HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: GET\r\n\r\n",
	} {
		f.Add([]byte(raw))
	}
	documents := map[string]string{}
	for _, r := range routes() {
		body, err := r.answer(f.Context(), fake{provider: "aws"})
		require.NoError(f, err)
		documents[r.path] = string(body)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 16<<10 {
			return
		}
		// Two line ends and a close: no server waits for the rest of a header.
		raw = append(raw, "\r\nConnection: close\r\n\r\n\r\n"...)
		asked, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		response, body, wrong := answered(t, raw)
		if wrong != nil {
			return
		}
		for name := range response.Header {
			known := []string{
				"Allow", "Cache-Control", "Connection", "Content-Length", "Content-Security-Policy", "Content-Type",
				"Cross-Origin-Resource-Policy", "Date", "Referrer-Policy", "X-Content-Type-Options",
			}
			assert.Contains(t, known, name)
		}
		if response.StatusCode != http.StatusOK {
			if own := response.Header.Get("X-Content-Type-Options"); own != "" && len(body) > 0 { // else net/http's own, or of HEAD
				var p Problem
				assert.NoError(t, json.Unmarshal([]byte(body), &p))
				assert.Contains(t, problems(), p.What)
			}
			return
		}
		require.NoError(t, err)
		assert.True(t, loopback(asked.Host), asked.Host)
		assert.Contains(t, []string{http.MethodGet, http.MethodHead}, asked.Method)
		assert.Zero(t, asked.ContentLength)
		assert.Contains(t, []string{"", "http://" + asked.Host}, asked.Header.Get("Origin"))
		want, there := documents[asked.URL.Path]
		assert.True(t, there, asked.URL.Path)
		if asked.Method == http.MethodGet {
			assert.Equal(t, want, body)
		} else {
			assert.Empty(t, body)
		}
	})
}

// problems are all that a client is told without the Source.
func problems() []string {
	return []string{
		"the request is not of HTTP/1.1", "the request is for another host", "the request is from a page of another site",
		"the request has a body", "there is no such path", "nothing can be changed here",
	}
}

// TestServeTellsWhoCanReachIt has a warning for an address that others reach.
func TestServeTellsWhoCanReachIt(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1": false, "::1": false, "0.0.0.0": true, "192.0.2.1": true} {
		assert.Equal(t, want, !isLoopback(&net.TCPAddr{IP: net.ParseIP(address)}), address)
	}
	var log bytes.Buffer
	l := addressed{newPipes(), &net.TCPAddr{IP: net.IPv4zero, Port: 5209}}
	require.NoError(t, l.Close())
	assert.Error(t, Serve(t.Context(), []net.Listener{l}, Options{Source: fake{}, Log: slog.New(slog.NewTextHandler(&log, nil))}))
	assert.Contains(t, log.String(), "0.0.0.0:5209")
}

type addressed struct {
	*pipes
	addr net.Addr
}

func (a addressed) Addr() net.Addr { return a.addr }
