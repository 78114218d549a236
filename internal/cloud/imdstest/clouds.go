package imdstest

// renders are the services, by the name of their cloud.
func renders() map[string]render {
	return map[string]render{
		"alibaba":      renderAlibaba,
		"aws":          renderAWS,
		"azure":        renderAzure,
		"digitalocean": renderDigitalOcean,
		"gcp":          renderGCP,
		"hetzner":      renderHetzner,
		"openstack":    renderOpenStack,
		"oracle":       renderOracle,
	}
}
