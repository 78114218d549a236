package subcmd

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

// providerOf returns the cloud of that name, nil for none.
func providerOf(name string) cloud.Provider {
	for _, p := range []cloud.Provider{
		aws.Provider{}, azure.Provider{}, gcp.Provider{}, alibaba.Provider{},
		oracle.Provider{}, digitalocean.Provider{}, hetzner.Provider{}, openstack.Provider{},
	} {
		if p.Name() == name {
			return p
		}
	}
	return nil
}
