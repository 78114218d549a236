package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

const (
	rolesKey = "meta-data/iam/security-credentials/"
	// identityCredentialsKey is what the older tool asked for: an identity that every
	// instance has, and that no policy of its owner gives anything to.
	identityCredentialsKey = "meta-data/identity-credentials/ec2/security-credentials/ec2-instance"
)

// Credentials asks for those of the role that is attached to the instance, or of
// the instance's identity where none is. Fetch asks for neither. The error wraps
// ErrAbsent where there are none, and has nothing of what was answered.
func (Provider) Credentials(ctx context.Context, g cloud.Getter) (hostnet.Credentials, error) {
	role, key, err := credentialsKey(ctx, g)
	if err != nil {
		return hostnet.Credentials{}, err
	}
	raw, err := g.Get(ctx, key)
	if err != nil {
		return hostnet.Credentials{}, err
	}
	var doc struct {
		Code, Type, AccessKeyID, SecretAccessKey, Token, LastUpdated, Expiration cloud.Text
	}
	// No %w: an error of the decoder quotes what it met.
	if json.Unmarshal(raw, &doc) != nil {
		return hostnet.Credentials{}, fmt.Errorf("reading credentials: %w: no JSON document", cloud.ErrRefused)
	}
	if doc.Code != "Success" {
		return hostnet.Credentials{}, fmt.Errorf("reading credentials: %w: the service has none, its code is %q", cloud.ErrAbsent, cloud.ParseFact(string(doc.Code)))
	}
	c := hostnet.Credentials{
		Role: role, Code: string(doc.Code), Type: cloud.ParseFact(string(doc.Type)),
		AccessKeyID: cloud.ParseFact(string(doc.AccessKeyID)),
		SecretKey:   hostnet.Secret(doc.SecretAccessKey), Token: hostnet.Secret(doc.Token),
	}
	c.LastUpdated, _ = time.Parse(time.RFC3339, string(doc.LastUpdated)) // for people
	c.Expiration, _ = time.Parse(time.RFC3339, string(doc.Expiration))
	if c.AccessKeyID == "" || !isToken(doc.SecretAccessKey) || !isToken(doc.Token) {
		return hostnet.Credentials{}, fmt.Errorf("reading credentials: %w: the document lacks some", cloud.ErrRefused)
	}
	return c, nil
}

// credentialsKey is where the credentials are. The list of roles has one line, or
// is absent.
func credentialsKey(ctx context.Context, g cloud.Getter) (role, key string, err error) {
	raw, err := g.Get(ctx, rolesKey)
	if errors.Is(err, cloud.ErrAbsent) || err == nil && strings.TrimSpace(string(raw)) == "" {
		return "", identityCredentialsKey, nil
	}
	if err != nil {
		return "", "", err
	}
	role, _, _ = strings.Cut(strings.TrimSpace(string(raw)), "\n")
	if role = strings.TrimSpace(role); !validRole(role) {
		return "", "", fmt.Errorf("reading %q: %w: what is listed is no name of a role", rolesKey, cloud.ErrRefused)
	}
	return role, rolesKey + role, nil
}

// validRole is IAM's rule for a RoleName, which becomes part of a path.
func validRole(name string) bool {
	if name == "" || len(name) > 64 || name == "." || name == ".." {
		return false
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-"
	return strings.Trim(name, allowed) == ""
}

// isToken reports whether a text is one printable word.
func isToken(text cloud.Text) bool {
	return text != "" && !strings.ContainsFunc(string(text), func(r rune) bool { return r <= ' ' || r > '~' })
}
