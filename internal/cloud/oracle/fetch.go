package oracle

import (
	"context"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	nicsKey = "vnics/"
	// sideBySide bounds the requests under way.
	sideBySide = 8
)

// Provider is Oracle Cloud.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "oracle" }

// Endpoint is version 2, which a header guards against forwarded requests;
// version 1 may be off.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases: []string{
			"http://169.254.169.254/opc/v2/",
			"http://[fd00:c1::a9fe:a9fe]/opc/v2/",
		},
		Header: map[string]string{"Authorization": "Bearer Oracle"},
	}
}

// Fetch asks for the VNICs, then for the facts.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	var a cloud.Answers
	if err := a.Need(ctx, g, nicsKey); err != nil {
		return hostnet.Metadata{}, err
	}
	a.AskFacts(ctx, g, sideBySide, factKeys()...)
	return Parse(a)
}
