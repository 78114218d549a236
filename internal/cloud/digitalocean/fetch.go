package digitalocean

import (
	"context"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const document = "v1.json"

// Provider is DigitalOcean.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "digitalocean" }

// Endpoint is IPv4 alone, and asks for no header.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{Bases: []string{"http://169.254.169.254/metadata/"}}
}

// Fetch asks for the whole document at once.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	raw, err := g.Get(ctx, document)
	if err != nil {
		return hostnet.Metadata{}, err
	}
	return Parse(raw)
}
