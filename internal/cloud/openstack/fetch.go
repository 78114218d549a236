package openstack

import (
	"context"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	networkData = "network_data.json"
	metaData    = "meta_data.json"
)

// Provider is OpenStack.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "openstack" }

// Endpoint is IPv4, then IPv6 link-local for networks without IPv4. It asks for no
// header. Both documents are in "latest" since Nova 12, of 2015.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases: []string{
			"http://169.254.169.254/openstack/latest/",
			"http://[fe80::a9fe:a9fe%LINK]/openstack/latest/",
		},
		Retry: []int{408}, // Request Timeout
	}
}

// Fetch asks for the two documents side by side.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	var answers cloud.Answers
	answers.Ask(ctx, g, 2, networkData, metaData)
	if err := answers.Err(networkData); err != nil {
		return hostnet.Metadata{}, err
	}
	return Parse(answers)
}
