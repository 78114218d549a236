package hetzner

import (
	"context"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	instance = "metadata"
	private  = "metadata/private-networks"
)

// Provider is Hetzner Cloud.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "hetzner" }

// Endpoint is IPv4, then IPv6 link-local for servers without IPv4. It asks for no
// header.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{Bases: []string{
		"http://169.254.169.254/hetzner/v1/",
		"http://[fe80::a9fe:a9fe%LINK]/hetzner/v1/",
	}}
}

// Fetch asks for the two documents side by side. Without the one on private
// networks, which a server has though it be in none, the other one's NIC is known.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	var answers cloud.Answers
	answers.Ask(ctx, g, 2, instance, private)
	if err := answers.Err(instance); err != nil {
		return hostnet.Metadata{}, err
	}
	m, err := Parse(answers)
	if absent := answers.Err(private); err != nil && absent != nil {
		return hostnet.Metadata{}, absent
	}
	return m, err
}
