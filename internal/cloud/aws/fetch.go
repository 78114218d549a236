package aws

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// inFlight bounds the requests under way: EC2 drops what goes to link-local
	// services above 1,024 packets a second, DNS included.
	inFlight = 8
	// factsTime bounds the wait for what no NIC depends on.
	factsTime = 10 * time.Second
)

// Provider is EC2.
type Provider struct{}

// Name is "aws".
func (Provider) Name() string { return "aws" }

// Endpoint is the service of version 2, over IPv6 where IPv4 leads nowhere: that
// has to be enabled for an instance, and there is no other on an IPv6-only one.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases: []string{"http://169.254.169.254/latest/", "http://[fd00:ec2::254]/latest/"},
		Token: &cloud.Token{
			Path:      "api/token",
			TTLHeader: "X-aws-ec2-metadata-token-ttl-seconds",
			Header:    "X-aws-ec2-metadata-token",
		},
	}
}

// Fetch asks for the NICs first, then for facts of the instance, which may be
// missing. An error says that not even a list of NICs could be had.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	r := reader{getter: g, answers: Answers{Bodies: map[string][]byte{}, Failed: map[string]string{}}}
	nics, cancel := sparing(ctx, factsTime)
	defer cancel()
	if err := r.need(nics, macPath, macsPath); err != nil {
		return hostnet.Metadata{}, err
	}
	r.read(nics, r.answers.directories())
	r.read(nics, r.answers.nicKeys())

	facts, cancel := context.WithTimeout(ctx, factsTime)
	defer cancel()
	r.read(facts, append(r.answers.associationLists(), instanceKeys()...))
	r.read(facts, r.answers.furtherKeys())
	return Parse(r.answers)
}

// sparing returns a context that ends before ctx does, by spare or by a third of
// what is left: a NIC's key that hangs must not take the instance's id with it.
func sparing(ctx context.Context, spare time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(spare, time.Until(end)/3)))
}

// reader collects answers.
type reader struct {
	getter  cloud.Getter
	mu      sync.Mutex // guards answers while requests are under way
	answers Answers
}

// need reads keys without which nothing can be said.
func (r *reader) need(ctx context.Context, paths ...string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, path := range paths {
		group.Go(func() error {
			body, err := r.getter.Get(ctx, path)
			r.keep(path, body, err)
			return err
		})
	}
	return group.Wait()
}

// read reads keys side by side and returns when all are had, or are not.
func (r *reader) read(ctx context.Context, paths []string) {
	var group errgroup.Group
	group.SetLimit(inFlight)
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		group.Go(func() error {
			body, err := r.getter.Get(ctx, path)
			r.keep(path, body, err)
			return nil
		})
	}
	_ = group.Wait() // none returns an error
}

func (r *reader) keep(path string, body []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.answers.Bodies[path] = body
	case !errors.Is(err, cloud.ErrAbsent):
		// The path is said where the failure is reported.
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
		r.answers.Failed[path] = err.Error()
	}
}
