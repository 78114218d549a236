package alibaba

import (
	"context"
	"errors"
	"fmt"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// sideBySide bounds the requests under way.
const sideBySide = 8

// Provider is Alibaba Cloud.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "alibaba" }

// Endpoint is in 100.64.0.0/10 and reached by the default route. The token is
// needed in the hardened mode alone.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases: []string{"http://100.100.100.200/latest/"},
		Token: &cloud.Token{
			Path:      "api/token",
			TTLHeader: "X-aliyun-ecs-metadata-token-ttl-seconds",
			Header:    "X-aliyun-ecs-metadata-token",
			Optional:  true,
		},
	}
}

// Fetch goes down the tree of the NICs, then that of the facts, each level side by
// side, and asks for listed keys alone. meta-data/all, one document on newer
// platforms, is not used: how it spells its keys is not documented.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	var a cloud.Answers
	err := a.Need(ctx, g, macsKey)
	if errors.Is(err, cloud.ErrAbsent) {
		return hostnet.Metadata{}, fmt.Errorf("%w: no NIC is listed", err)
	}
	if err != nil {
		return hostnet.Metadata{}, err
	}
	directories, _ := nicDirectories(a)
	a.Ask(ctx, g, sideBySide, append(directories, macKey)...)
	var keys []string
	for _, directory := range directories {
		for _, name := range nicKeys(a, directory) {
			keys = append(keys, directory+name)
		}
	}
	a.Ask(ctx, g, sideBySide, keys...)
	a.AskFacts(ctx, g, sideBySide, rootKey)
	a.AskFacts(ctx, g, sideBySide, factKeys(a)...)
	a.AskFacts(ctx, g, sideBySide, sshKeyKeys(a)...)
	return Parse(a)
}
