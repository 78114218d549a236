package aws

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// sideBySide bounds the requests under way: EC2 drops what goes to link-local
	// services above 1,024 packets a second, DNS included.
	sideBySide = 8
	// spare is what the NICs leave of the time for the facts, at most.
	spare = 10 * time.Second
)

// Provider is EC2.
type Provider struct{}

// Name is that of the configuration.
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
	var a cloud.Answers
	nics, cancel := sparing(ctx)
	defer cancel()
	for _, key := range []string{macsKey, macKey} {
		err := a.Need(nics, g, key)
		if key == macsKey && errors.Is(err, cloud.ErrAbsent) {
			return hostnet.Metadata{}, fmt.Errorf("%w: no NIC is listed", err)
		}
		if err != nil {
			return hostnet.Metadata{}, err
		}
	}
	directories, err := nicDirectories(a)
	if err != nil {
		return hostnet.Metadata{}, err
	}
	a.Ask(nics, g, sideBySide, directories...)
	var keys, associations []string
	for _, directory := range directories {
		for _, name := range nicKeys(a, directory) {
			keys = append(keys, directory+name)
		}
		if lists(a, directory, associationsDir) {
			associations = append(associations, directory+associationsDir)
		}
	}
	a.Ask(nics, g, sideBySide, keys...)
	a.AskFacts(ctx, g, sideBySide, append(factKeys(), associations...)...)
	a.AskFacts(ctx, g, sideBySide, furtherKeys(a, directories)...)
	return Parse(a)
}

// sparing returns a context that ends before ctx does, by spare or by a third of
// what is left: a NIC's key that hangs must not take the instance's id with it.
func sparing(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(spare, time.Until(end)/3)))
}
