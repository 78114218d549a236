package cloud_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/imdstest"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const macPath = "meta-data/mac"

func endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases: []string{"http://169.254.169.254/latest/", "http://[fd00:ec2::254]/latest/"},
		Token: &cloud.Token{
			Path:      "api/token",
			TTLHeader: "X-aws-ec2-metadata-token-ttl-seconds",
			Header:    "X-aws-ec2-metadata-token",
		},
	}
}

func told() hostnet.Metadata {
	return hostnet.Metadata{
		System: hostnet.System{Provider: "aws", InstanceID: "i-0a1b"},
		NICs:   []hostnet.NIC{{MAC: "0e:00:5e:00:53:01", Primary: true}},
	}
}

// client returns one of server, in memory, that ends with the bubble's test.
func client(t *testing.T, server *imdstest.Server, e cloud.Endpoint) *cloud.Client {
	t.Helper()
	pipe := server.Pipe()
	c, err := cloud.NewClient(e, cloud.Options{Dial: pipe.Dial})
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		assert.NoError(t, pipe.Close())
	})
	return c
}

func TestGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := imdstest.New("aws", told())
		c := client(t, server, endpoint())
		body, err := c.Get(t.Context(), macPath)
		require.NoError(t, err)
		assert.Equal(t, "0e:00:5e:00:53:01", string(body))

		_, err = c.Get(t.Context(), "meta-data/spot/termination-time")
		require.ErrorIs(t, err, cloud.ErrAbsent)
		assert.EqualError(t, err, `reading metadata "meta-data/spot/termination-time": not in the metadata: status 404 Not Found`)
		assert.Len(t, server.Requests(), 3, "one token for both")
	})
}

// TestFaults has each fault for one request, and then for all of a run of 30 s.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault imdstest.Fault
		retry []int
		// once is what comes of a fault that passes, nil for the key's value.
		once, always error
		text         string        // of always
		within       time.Duration // until always is reported
	}{
		{"absent", imdstest.Fault{Kind: imdstest.NotFound}, nil, cloud.ErrAbsent, cloud.ErrAbsent, "status 404 Not Found", 0},
		{"propagating", imdstest.Fault{Kind: imdstest.NotFound}, []int{404}, nil, cloud.ErrAbsent, "status 404 Not Found", 30 * time.Second},
		{"forbidden", imdstest.Fault{Kind: imdstest.Forbidden}, nil, cloud.ErrRefused, cloud.ErrRefused, "status 403 Forbidden", 0},
		{"updating", imdstest.Fault{Kind: imdstest.Gone}, []int{410}, nil, cloud.ErrNotReady, "status 410 Gone", 30 * time.Second},
		{"too many", imdstest.Fault{Kind: imdstest.TooMany}, nil, nil, cloud.ErrNotReady, "status 429 Too Many Requests", 30 * time.Second},
		{"server error", imdstest.Fault{Kind: imdstest.ServerError}, nil, nil, cloud.ErrNotReady, "status 500 Internal Server Error", 30 * time.Second},
		{"unavailable", imdstest.Fault{Kind: imdstest.Unavailable}, nil, nil, cloud.ErrNotReady, "status 503 Service Unavailable", 30 * time.Second},
		{"hang", imdstest.Fault{Kind: imdstest.Hang}, nil, nil, cloud.ErrNotReady, "timeout awaiting response headers", 30 * time.Second},
		{"reset", imdstest.Fault{Kind: imdstest.Reset}, nil, nil, cloud.ErrNotReady, "EOF", 30 * time.Second},
		{"cut body", imdstest.Fault{Kind: imdstest.Cut}, nil, nil, cloud.ErrNotReady, "reading the answer's body: unexpected EOF", 30 * time.Second},
		{"HTML", imdstest.Fault{Kind: imdstest.HTML}, nil, cloud.ErrRefused, cloud.ErrRefused, "a page of HTML", 0},
		{"redirect", imdstest.Fault{Kind: imdstest.Redirect}, nil, cloud.ErrRefused, cloud.ErrRefused, "status 302 Found", 0},
		{"oversize", imdstest.Fault{Kind: imdstest.Oversize}, nil, cloud.ErrRefused, cloud.ErrRefused, "larger than 1048576 bytes", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := endpoint()
			e.Retry = tt.retry
			fault := tt.fault
			fault.Path, fault.Times = "/latest/"+macPath, 1
			synctest.Test(t, func(t *testing.T) {
				server := imdstest.New("aws", told())
				server.Script(fault)
				body, err := client(t, server, e).Get(t.Context(), macPath)
				if require.ErrorIs(t, err, tt.once); err == nil {
					assert.Equal(t, "0e:00:5e:00:53:01", string(body))
				}
			})
			fault.Times = 0
			synctest.Test(t, func(t *testing.T) {
				server := imdstest.New("aws", told())
				server.Script(fault)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				start := time.Now()
				body, err := client(t, server, e).Get(ctx, macPath)
				require.ErrorIs(t, err, tt.always)
				assert.ErrorContains(t, err, `reading metadata "meta-data/mac": `)
				assert.ErrorContains(t, err, tt.text)
				assert.NotContains(t, err.Error(), "\n")
				assert.Nil(t, body)
				assert.LessOrEqual(t, time.Since(start), tt.within)
				assert.Less(t, len(server.Requests()), 15)
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		at          time.Duration
	}{
		{"seconds", "7", 7 * time.Second},
		{"date", "Sat, 01 Jan 2000 00:00:09 GMT", 9 * time.Second}, // a bubble starts at 2000
		{"past", "Fri, 31 Dec 1999 23:59:59 GMT", 0},
		{"far away", "86400", 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := imdstest.New("aws", told())
				server.Script(imdstest.Fault{Path: "*/mac", Kind: imdstest.TooMany, Times: 1, RetryAfter: tt.value})
				start := time.Now()
				_, err := client(t, server, endpoint()).Get(t.Context(), macPath)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(start), tt.at)
				assert.LessOrEqual(t, time.Since(start), tt.at+tt.at/4)
			})
		})
	}
}

// TestRetryAfterSpreads: those who are asked for the same wait do not come back
// together.
func TestRetryAfterSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := map[time.Duration]bool{}
		for range 10 {
			server := imdstest.New("aws", told())
			server.Script(imdstest.Fault{Path: "*/mac", Kind: imdstest.TooMany, Times: 1, RetryAfter: "8"})
			start := time.Now()
			_, err := client(t, server, endpoint()).Get(t.Context(), macPath)
			require.NoError(t, err)
			waits[time.Since(start).Truncate(time.Millisecond)] = true
		}
		assert.Greater(t, len(waits), 5)
	})
}

// TestGivesUpEarly has a service that asks for more time than there is.
func TestGivesUpEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := imdstest.New("aws", told())
		server.Script(imdstest.Fault{Path: "*/mac", Kind: imdstest.Unavailable, RetryAfter: "20"})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := client(t, server, endpoint()).Get(ctx, macPath)
		require.ErrorIs(t, err, cloud.ErrNotReady)
		assert.Zero(t, time.Since(start))
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := imdstest.New("aws", told())
		server.Script(imdstest.Fault{Path: "*", Kind: imdstest.Unavailable})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := client(t, server, endpoint()).Get(ctx, macPath)
		require.ErrorIs(t, err, cloud.ErrNotReady)
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualError(t, err, `reading metadata "meta-data/mac": asking for a session token: metadata is not ready: status 503 Service Unavailable (context canceled)`)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

func TestToken(t *testing.T) {
	get := func(t *testing.T, prepare func(*imdstest.Server), e cloud.Endpoint) ([]imdstest.Request, error) {
		var requests []imdstest.Request
		var err error
		synctest.Test(t, func(t *testing.T) {
			server := imdstest.New("aws", told())
			c := client(t, server, e)
			if _, err = c.Get(t.Context(), macPath); err == nil {
				prepare(server)
				server.Forget()
				_, err = c.Get(t.Context(), macPath)
			}
			requests = server.Requests()
		})
		return requests, err
	}
	refuse := func(s *imdstest.Server) {
		s.RevokeTokens()
		s.Script(imdstest.Fault{Path: "/latest/api/token", Kind: imdstest.Forbidden})
	}

	t.Run("kept", func(t *testing.T) {
		requests, err := get(t, func(*imdstest.Server) {}, endpoint())
		require.NoError(t, err)
		assert.Len(t, requests, 1)
	})
	t.Run("renewed once", func(t *testing.T) {
		requests, err := get(t, (*imdstest.Server).RevokeTokens, endpoint())
		require.NoError(t, err)
		assert.Len(t, requests, 3)
	})
	t.Run("refused for good", func(t *testing.T) {
		_, err := get(t, refuse, endpoint())
		require.ErrorIs(t, err, cloud.ErrRefused)
		assert.ErrorContains(t, err, "asking for a session token")
	})
	t.Run("absent is no absent key", func(t *testing.T) {
		e := endpoint()
		e.Token.Path = "api/tokens"
		_, err := get(t, refuse, e)
		require.ErrorIs(t, err, cloud.ErrRefused)
		assert.NotErrorIs(t, err, cloud.ErrAbsent)
	})
	t.Run("no longer where it is optional", func(t *testing.T) {
		e := endpoint()
		e.Token.Optional = true
		requests, err := get(t, refuse, e)
		require.ErrorIs(t, err, cloud.ErrRefused, "401 stays 401")
		assert.Len(t, requests, 3)
	})
	t.Run("before it ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := imdstest.New("aws", told())
			c := client(t, server, endpoint())
			_, err := c.Get(t.Context(), macPath)
			require.NoError(t, err)
			<-time.After(5 * time.Hour)
			_, err = c.Get(t.Context(), macPath)
			require.NoError(t, err)
			assert.Equal(t, http.MethodPut, server.Requests()[2].Method, "at 80 % of its life")
		})
	})
}

func TestIdentity(t *testing.T) {
	e := endpoint()
	e.IdentityName, e.IdentityValue = "Server", "EC2ws"
	e.Token = nil
	synctest.Test(t, func(t *testing.T) {
		served := imdstest.New("aws", told())
		_, err := client(t, served, e).Get(t.Context(), macPath)
		require.ErrorIs(t, err, cloud.ErrRefused, "401")
		served.Script(imdstest.Fault{Path: "*", Kind: imdstest.Replace})
		_, err = client(t, served, e).Get(t.Context(), macPath)
		require.ErrorIs(t, err, cloud.ErrRefused)
		assert.ErrorContains(t, err, `header Server is "", not "EC2ws"`)
		served.Script(imdstest.Fault{Path: "*", Kind: imdstest.NotFound})
		_, err = client(t, served, e).Get(t.Context(), macPath)
		require.ErrorIs(t, err, cloud.ErrRefused, "a portal's 404 is not the service's")
	})
}

// TestRunIsBounded has each answer within bounds, and far too many of them.
func TestRunIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := imdstest.New("aws", told())
		server.Script(imdstest.Fault{Path: "*/mac", Kind: imdstest.Replace, Body: strings.Repeat("x", 1<<20)})
		c := client(t, server, endpoint())
		for n := range 100 {
			_, err := c.Get(t.Context(), macPath)
			if err == nil {
				continue
			}
			require.ErrorIs(t, err, cloud.ErrRefused)
			assert.ErrorContains(t, err, "more than 33554432 bytes in one run")
			assert.Greater(t, n, 15, "what is honest is far below that")
			return
		}
		assert.Fail(t, "100 MiB were taken")
	})
}

// TestPace asks for more than EC2 lets through: no second may have 200.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, imdstest.New("aws", told()), endpoint())
		var at []time.Time
		for range 500 {
			_, err := c.Get(t.Context(), macPath)
			require.NoError(t, err)
			at = append(at, time.Now())
		}
		for i := range len(at) - 180 {
			assert.GreaterOrEqual(t, at[i+180].Sub(at[i]), time.Second)
		}
	})
}
