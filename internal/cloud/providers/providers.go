// Package providers is the one list of all clouds. It is a package of its own since
// each cloud imports internal/cloud, and none another.
package providers

import (
	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/cloud/alibaba"
	"github.com/netbrk/netbrk/internal/cloud/aws"
	"github.com/netbrk/netbrk/internal/cloud/azure"
	"github.com/netbrk/netbrk/internal/cloud/digitalocean"
	"github.com/netbrk/netbrk/internal/cloud/gcp"
	"github.com/netbrk/netbrk/internal/cloud/hetzner"
	"github.com/netbrk/netbrk/internal/cloud/openstack"
	"github.com/netbrk/netbrk/internal/cloud/oracle"
)

// All returns every cloud, in the order of config.Providers.
func All() []cloud.Provider {
	return []cloud.Provider{
		aws.Provider{}, azure.Provider{}, gcp.Provider{}, alibaba.Provider{},
		oracle.Provider{}, digitalocean.Provider{}, hetzner.Provider{}, openstack.Provider{},
	}
}

// Named returns the cloud of that name, nil for none.
func Named(name string) cloud.Provider {
	for _, p := range All() {
		if p.Name() == name {
			return p
		}
	}
	return nil
}
