package subcmd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"

	"golang.org/x/sys/unix"

	"github.com/netbrk/netbrk/internal/api"
	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/config"
	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/metrics"
	"github.com/netbrk/netbrk/internal/report"
)

// apiSource answers from the state, and reads the configuration for each request:
// who asks every few seconds keeps the process alive for days.
type apiSource struct {
	*app
	global global
	log    *slog.Logger
}

// Status is what netbrk status tells. Without a network of the host's to look at,
// links and rules are as the others wrote them down.
func (s *apiSource) Status(ctx context.Context, parts ...string) (report.Status, error) {
	return s.lookAtStatus(ctx, s.global, !isolated() && asksKernel(), parts...)
}

// Metrics are those of netbrk status --prometheus.
func (s *apiSource) Metrics(ctx context.Context) ([]byte, error) {
	doc, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	return metrics.Text(doc), nil
}

// Identity is a document by which EC2 vouches for the instance.
func (s *apiSource) Identity(_ context.Context, name string) ([]byte, error) {
	last, err := lastSync(s.global.stateDir)
	if err != nil {
		return nil, problem(api.NotFound, err)
	}
	body, err := last.identity(name)
	if err != nil {
		return nil, problem(api.NotFound, err)
	}
	return body, nil
}

// Credentials are asked for anew each time, if the configuration lets them out.
func (s *apiSource) Credentials(ctx context.Context) (none hostnet.Credentials, err error) {
	cfg, _, err := config.Load(config.Options{Path: s.global.config})
	if err != nil {
		return none, &api.Problem{Status: api.Internal, What: err.Error(), Hint: "netbrk config check"}
	}
	if !cfg.Cloud.ExposeCredentials {
		return none, &api.Problem{
			Status: api.Forbidden, What: "credentials are not handed out",
			Hint: "sudo netbrk show credentials, or ExposeCredentials in section Cloud of netbrk.toml",
		}
	}
	provider := cfg.Cloud.Provider
	switch provider {
	case config.ProviderNone:
		return none, problem(api.NotFound, notInCloud(cloud.Detect("/", provider).Why))
	case config.ProviderAuto:
		last, err := lastSync(s.global.stateDir)
		if err != nil {
			return none, problem(api.NotFound, err)
		}
		provider = last.provider
	}
	endpoint := cloudEndpoint("")
	if endpoint == "" && isolated() {
		return none, &api.Problem{
			Status: api.Unavailable, What: "netbrk-api.service has no network to ask the metadata service through",
			Hint: "man netbrk tells the drop-in that gives it that one address",
		}
	}
	found, err := askCredentials(ctx, provider, endpoint, s.log)
	switch {
	case errors.Is(err, cloud.ErrAbsent), err != nil && !errors.Is(err, cloud.ErrNotReady) && !errors.Is(err, cloud.ErrRefused):
		return none, problem(api.NotFound, err)
	case err != nil:
		return none, problem(api.BadGateway, err)
	}
	return found, nil
}

// problem tells an error with its hint.
func problem(status int, err error) *api.Problem {
	p := &api.Problem{Status: status, What: err.Error()}
	if h := (hinted{}); errors.As(err, &h) {
		p.Hint = h.hint
	}
	return p
}

// asksKernel reports whether the kernel can be asked for links. The drop-in that lets
// a service ask for credentials does not let it: RestrictAddressFamilies=.
func asksKernel() bool {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return false
	}
	return unix.Close(fd) == nil
}

// isolated reports whether there is no link but lo, as with PrivateNetwork=.
func isolated() bool {
	raw, err := os.ReadFile("/proc/self/net/dev")
	if err != nil {
		return false
	}
	return onlyLoopback(raw)
}

// onlyLoopback reads /proc/net/dev, which has a link on each line after its heading,
// "  eth0: 1 2 3".
func onlyLoopback(raw []byte) bool {
	for line := range bytes.Lines(raw) {
		if name, _, ok := bytes.Cut(bytes.TrimSpace(line), []byte(":")); ok && string(name) != "lo" {
			return false
		}
	}
	return true
}
