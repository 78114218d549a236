package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// fake is a Source with an answer to everything.
type fake struct {
	provider string
	err      error
	wait     <-chan struct{} // what Status waits for; nil for nothing
}

func (f fake) Status(ctx context.Context, parts ...string) (report.Status, error) {
	if f.wait != nil {
		select {
		case <-f.wait:
		case <-ctx.Done():
			return report.Status{}, ctx.Err()
		}
	}
	running, have := true, 3
	status := report.Status{
		SchemaVersion: report.StatusSchema, Version: "1", Time: time.Unix(0, 0).UTC(),
		Health: report.Health{State: report.HealthDegraded, Reasons: []report.Reason{{Part: report.PartRules, Link: "eth1", What: "x", Hint: "y"}}},
	}
	is := func(part string) bool { return len(parts) == 0 || parts[0] == part }
	if len(parts) == 0 {
		status.Watcher = &report.WatcherState{Running: &running, Generators: []string{"systemd-networkd"}}
	}
	if is(report.PartLinks) {
		status.Links = []report.LinkStatus{{
			Index: 2, Link: "eth0", States: hostnet.States{hostnet.OperationalState: "routable"},
			Addresses: []report.AddressStatus{{Address: netip.MustParsePrefix("192.0.2.10/24")}}, Gateways: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		}}
	}
	if is(report.PartRules) {
		status.Rules = &report.RulesStatus{Links: []report.LinkRules{{Index: 3, Link: "eth1", Table: 10002}}, Want: 4, Have: &have, Drift: []string{"ip rule add"}}
	}
	if is(report.PartHooks) {
		status.Hooks = &report.HooksStatus{Runs: []report.HookRun{{Hook: "50-x", Start: time.Unix(1, 0).UTC(), Duration: 0.5}}}
	}
	if is(report.PartCloud) && f.provider != "" {
		status.Cloud = &report.CloudStatus{
			CloudSync: report.CloudSync{Provider: f.provider, Outcome: "done"},
			System:    hostnet.System{Provider: f.provider, InstanceID: "17", SSHKeys: []string{"ssh-rsa AAAA a"}, Project: &hostnet.Project{ID: "p", Number: "1"}},
			NICs: []report.CloudLink{{Index: 2, Link: "eth0", NIC: hostnet.NIC{
				MAC: "02:00:00:00:00:01", Primary: true,
				Addresses: []hostnet.CloudAddress{{Addr: netip.MustParseAddr("192.0.2.10"), Bits: 24, Public: netip.MustParseAddr("198.51.100.1")}},
			}}},
		}
	}
	return status, f.err
}

func (f fake) Metrics(context.Context) ([]byte, error) { return []byte("netbrk_up 1\n"), f.err }

func (f fake) Identity(_ context.Context, name string) ([]byte, error) {
	switch {
	case f.err != nil:
		return nil, f.err
	case f.provider != "aws":
		return nil, &Problem{Status: http.StatusNotFound, What: "has no " + name, Hint: "none"}
	case name == "document":
		return []byte("{ \"instanceId\" : \"i-1\" }"), nil
	}
	return []byte("MIIC\nabc"), nil
}

func (f fake) Credentials(context.Context) (hostnet.Credentials, error) {
	if f.provider != "aws" {
		return hostnet.Credentials{}, &Problem{Status: http.StatusForbidden, What: "no", Hint: "ExposeCredentials"}
	}
	return hostnet.Credentials{Role: "web", Code: "Success", Type: "AWS-HMAC", AccessKeyID: "A", SecretKey: "s", Token: "t"}, f.err
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ask has the handler answer a request as curl would make it, but for what change
// does to it.
func ask(source Source, method, target string, change ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:5209"
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	newHandler(source, quiet()).ServeHTTP(w, r)
	return w.Result()
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(body)
}

// pipes is a listener without a network, for the clock of testing/synctest.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
	last  net.Conn // accepted when the listener is closed
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		if c := p.last; c != nil {
			p.last = nil
			return c, nil
		}
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// dial connects, as soon as the listener takes the connection.
func (p *pipes) dial() (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return mine, nil
	case <-p.done:
		return nil, errors.New("nobody listens")
	}
}

// talk sends a request over a connection and returns the answer, whose body is
// read.
func talk(c net.Conn, request string) (*http.Response, string, error) {
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, request)
		sent <- err
	}()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(response.Body)
	return response, string(body), errors.Join(err, ignorePipe(<-sent))
}

// ignorePipe drops the error of a request that was answered before it was whole.
func ignorePipe(err error) error {
	if errors.Is(err, io.ErrClosedPipe) || err != nil && strings.Contains(err.Error(), "reset") {
		return nil
	}
	return err
}

const plainRequest = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
