package gcp

import (
	"context"
	"slices"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	// A directory without its last slash is answered with a redirect.
	nicsKey            = "instance/network-interfaces/?recursive=true&alt=json"
	instanceAttributes = "instance/attributes/"
	projectAttributes  = "project/attributes/"
	// serviceAccount has the tokens, too: those are never asked for.
	serviceAccount = "instance/service-accounts/default/"
	flavor         = "Metadata-Flavor"
	// sideBySide bounds the requests under way.
	sideBySide = 8
)

// Provider is Google Cloud.
type Provider struct{}

// Name is that of the configuration.
func (Provider) Name() string { return "gcp" }

// Endpoint is asked by its address: the name metadata.google.internal cannot be
// resolved this early. A 404 is final.
func (Provider) Endpoint() cloud.Endpoint {
	return cloud.Endpoint{
		Bases: []string{
			"http://169.254.169.254/computeMetadata/v1/",
			"http://[fd20:ce::254]/computeMetadata/v1/",
		},
		Header:        map[string]string{flavor: "Google"},
		IdentityName:  flavor,
		IdentityValue: "Google",
	}
}

// Fetch asks for the NICs, then for the facts, and for the SSH keys last: which
// there are is in the list of the attributes' names.
func (Provider) Fetch(ctx context.Context, g cloud.Getter) (hostnet.Metadata, error) {
	var a cloud.Answers
	if err := a.Need(ctx, g, nicsKey); err != nil {
		return hostnet.Metadata{}, err
	}
	a.AskFacts(ctx, g, sideBySide, append([]string{instanceAttributes, projectAttributes}, factKeys()...)...)
	a.AskFacts(ctx, g, sideBySide, attributes(a)...)
	return Parse(a, time.Now())
}

// attributes are the keys of those attributes with SSH keys that are set.
func attributes(a cloud.Answers) []string {
	var keys []string
	for _, directory := range []string{instanceAttributes, projectAttributes} {
		set := cloud.ParseList(a.Text(directory))
		for _, name := range []string{"ssh-keys", "sshKeys", "block-project-ssh-keys"} {
			if slices.Contains(set, name) {
				keys = append(keys, directory+name)
			}
		}
	}
	return keys
}
