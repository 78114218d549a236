package azure

import (
	"context"
	"errors"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// The two versions of the API that are asked for. 2020-12-01 is the last one
// without compute.userData, which thus never reaches us, and has all else that
// is used. Azure Stack knows older ones alone and refuses others with 400; this
// one is that of cloud-init and talos.
const (
	current = "instance?api-version=2020-12-01"
	older   = "instance?api-version=2019-06-01"
)

// Provider is Azure.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "azure" }

// Endpoint is IPv4 alone. The service answers 404 before it knows the instance
// and 410 while it is updated, for up to 70 s.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases:  []string{"http://169.254.169.254/metadata/"},
		Header: map[string]string{"Metadata": "true"},
		Retry:  []int{404, 410},
	}
}

// Fetch asks for the whole document at once: the service refuses more than five
// requests a second.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	raw, err := g.Get(ctx, current)
	if errors.Is(err, cloud.ErrRefused) {
		raw, err = g.Get(ctx, older)
	}
	if err != nil {
		return hostnet.Metadata{}, err
	}
	return Parse(raw)
}
