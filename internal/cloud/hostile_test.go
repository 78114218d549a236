package cloud_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// wire is a server that answers every request with the same bytes, whatever they
// are, and then hangs up.
type wire struct {
	answer string
	mu     sync.Mutex
	asked  []*http.Request
	ended  sync.WaitGroup
}

func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	w.ended.Go(func() {
		defer theirs.Close()
		r, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			return
		}
		w.mu.Lock()
		w.asked = append(w.asked, r)
		w.mu.Unlock()
		_, _ = io.WriteString(theirs, w.answer) // as far as it is read
	})
	return ours, nil
}

// FuzzAnswer has the service at the metadata's address answer with any bytes. What
// it may cause is a body of bounded size or an error fit for a terminal, within
// bounded time; the token that it hands out goes to nobody else.
func FuzzAnswer(f *testing.F) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nServer: EC2ws\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\n0e:00:5e:00:53:01",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na\r\nX: b\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.1/\r\n\r\n",
		"HTTP/1.1 401 No\r\n\r\n", "HTTP/1.1 404 No\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n", "HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n",
		"HTTP/1.1 503 Slow\r\nRetry-After: 4294967296\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx",
		"HTTP/1.1 200 OK\r\n\x1b[2J: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: \x1b]0;x\x07\r\n\r\n", "\x1b[2J", "",
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		synctest.Test(t, func(t *testing.T) {
			server := &wire{answer: answer}
			client, err := cloud.NewClient(endpoint(), cloud.Options{Dial: server.dial})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			body, err := client.Get(ctx, macPath)
			assert.LessOrEqual(t, time.Since(began), time.Minute)
			client.Close()
			server.ended.Wait()

			assert.LessOrEqual(t, len(body), 1<<20)
			if err != nil {
				assert.Nil(t, body)
				assert.True(t, hostnet.PrintableText(err.Error(), 1000), "%q", err)
				known := errors.Is(err, cloud.ErrAbsent) || errors.Is(err, cloud.ErrNotReady) || errors.Is(err, cloud.ErrRefused)
				assert.True(t, known, "%q", err)
			}
			assert.LessOrEqual(t, len(server.asked), 2*20+4)
			for _, r := range server.asked {
				assert.Equal(t, "169.254.169.254", r.Host)
				token := r.Header.Get("X-aws-ec2-metadata-token")
				switch r.Method {
				case http.MethodPut:
					assert.Equal(t, "/latest/api/token", r.URL.Path)
					assert.Empty(t, token)
				case http.MethodGet:
					assert.Equal(t, "/latest/"+macPath, r.URL.Path)
					assert.Contains(t, answer, token)
					assert.False(t, strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }), "%q", token)
				default:
					assert.Fail(t, "another method", r.Method)
				}
				assert.Empty(t, r.TransferEncoding)
				assert.Zero(t, r.ContentLength)
			}
		})
	})
}
