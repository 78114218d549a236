package cloud

import (
	"context"
	"errors"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Errors that callers branch on.
var (
	// ErrAbsent says that the service has no such key: not set, or not yet.
	ErrAbsent = errors.New("not in the metadata")
	// ErrNotReady says that the service could not answer in time: try again later.
	ErrNotReady = errors.New("metadata is not ready")
	// ErrRefused says that the service, or whatever stands in its place, gave an
	// answer that must not be used: a redirect, HTML, an oversized body, a missing
	// identity header, a status that asking again does not cure.
	ErrRefused = errors.New("metadata answer refused")
)

// Getter asks one cloud's service. Paths are relative to the endpoint's base.
type Getter interface {
	// Get returns the body of a key. The error wraps ErrAbsent, ErrNotReady or
	// ErrRefused.
	Get(ctx context.Context, path string) ([]byte, error)
}

// Endpoint says how a cloud's service is asked.
type Endpoint struct {
	// Bases are tried in order until one can be reached; each ends in "/". In an
	// IPv6 one with a zone, "%LINK" stands for each link in turn.
	Bases []string
	// Header is sent with every request.
	Header map[string]string
	// Token says how to get a session token first; nil for none.
	Token *Token
	// IdentityName is a header that an honest answer has, with IdentityValue; empty
	// for none.
	IdentityName, IdentityValue string
	// Retry are statuses that are retried beside 429, 5xx and failures to
	// connect, such as 404 while a NIC propagates or Azure's 410.
	Retry []int
}

// Token is a session token of IMDSv2 and its imitations.
type Token struct {
	Path      string // relative to the base, asked by PUT
	TTLHeader string
	Header    string // that the token is sent in
	// Optional lets requests go without one where the service has none.
	Optional bool
}

// Provider is a cloud.
type Provider interface {
	// Name is one of config.Providers.
	Name() string
	Endpoint() Endpoint
	// Fetch asks for all that is used and returns what it means. An error says
	// that nothing can be said; what is missing of a NIC is in its Missing.
	Fetch(ctx context.Context, g Getter) (hostnet.Metadata, error)
}
