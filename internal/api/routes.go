package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

const (
	mediaJSON    = "application/json"
	mediaMetrics = "text/plain; version=0.0.4; charset=utf-8" // Prometheus' exposition format

	openAPIPath = "/api/v1/openapi.json"
	identityDir = "/api/cloud/dynamicinstanceidentity/"
)

// route is a path and what is there.
type route struct {
	path, summary, media string
	answer               func(ctx context.Context, s Source) ([]byte, error)
	// of are the types of the documents, one of which it is; none for what is no
	// document of ours.
	of []reflect.Type
	// absent says that there may be nothing, which is 404, and refused that it may be
	// forbidden.
	absent, refused bool
}

// routes are all there are.
func routes() []route {
	all := []route{
		{
			path: "/api/v1/status", summary: "What is, all parts, and what is wrong", media: mediaJSON,
			answer: status(), of: types(report.Status{}),
		},
		{
			path: "/api/v1/links", summary: "The links", media: mediaJSON,
			answer: status(report.PartLinks), of: types(report.Status{}),
		},
		{
			path: "/api/v1/rules", summary: "Policy routing: what should be, and what is amiss", media: mediaJSON,
			answer: status(report.PartRules), of: types(report.Status{}),
		},
		{
			path: "/api/v1/hooks", summary: "Scripts: their last runs, and those refused", media: mediaJSON,
			answer: status(report.PartHooks), of: types(report.Status{}),
		},
		{
			path: "/api/v1/cloud", summary: "The instance and its network interfaces, as the cloud's metadata has them", media: mediaJSON,
			answer: status(report.PartCloud), of: types(report.Status{}),
		},
		{
			path: "/metrics", summary: "The same in numbers, for Prometheus", media: mediaMetrics,
			answer: func(ctx context.Context, s Source) ([]byte, error) { return s.Metrics(ctx) },
		},
		{path: openAPIPath, summary: "This description", media: mediaJSON, answer: description},
		{
			path: "/api/cloud/system", summary: "The instance, as cloud-network-setup had it; in another cloud than its three, in netbrk's form", media: mediaJSON,
			answer: older(report.OlderSystem), absent: true,
			of: types(report.OlderEC2{}, report.OlderAzure{}, report.OlderGCP{}, hostnet.System{}),
		},
		{
			path: "/api/cloud/network", summary: "The network interfaces, likewise", media: mediaJSON,
			answer: older(report.OlderNetwork), absent: true,
			of: types(map[string]report.OlderEC2NIC{}, report.OlderAzure{}, report.OlderGCP{}, []report.CloudLink{}),
		},
		{
			path: identityDir + "document", summary: "EC2's instance identity document, byte for byte", media: mediaJSON,
			answer: document, absent: true, of: types(json.RawMessage{}),
		},
	}
	for _, name := range []string{"pkcs7", "signature", "rsa2048"} {
		all = append(all, route{
			path: identityDir + name, summary: "Its " + name + ", as a JSON string", media: mediaJSON,
			answer: signature(name), absent: true, of: types(""),
		})
	}
	return append(all, route{
		path: "/api/cloud/credentials", summary: "The credentials of the role of an instance of EC2; only with ExposeCredentials", media: mediaJSON,
		answer: credentials, absent: true, refused: true, of: types(hostnet.Credentials{}),
	})
}

func types(documents ...any) []reflect.Type {
	var found []reflect.Type
	for _, d := range documents {
		found = append(found, reflect.TypeOf(d))
	}
	return found
}

func status(parts ...string) func(context.Context, Source) ([]byte, error) {
	return func(ctx context.Context, s Source) ([]byte, error) {
		status, err := s.Status(ctx, parts...)
		if err != nil {
			return nil, err
		}
		return encode(status), nil
	}
}

// older answers with a document of the older tool's.
func older(of func(hostnet.System, []report.CloudLink) any) func(context.Context, Source) ([]byte, error) {
	return func(ctx context.Context, s Source) ([]byte, error) {
		status, err := s.Status(ctx, report.PartCloud)
		if err != nil {
			return nil, err
		}
		cloud := status.Cloud
		if cloud == nil || cloud.System.Provider == "" {
			return nil, &Problem{Status: http.StatusNotFound, What: "nothing is known of a cloud", Hint: "netbrk cloud-sync asks its metadata"}
		}
		return encode(of(cloud.System, cloud.NICs)), nil
	}
}

// document is signed, and so must not be formatted anew.
func document(ctx context.Context, s Source) ([]byte, error) {
	body, err := s.Identity(ctx, "document")
	if err == nil && !json.Valid(body) {
		err = &Problem{Status: http.StatusBadGateway, What: "what the metadata service told is no JSON document", Hint: "netbrk show document"}
	}
	return body, err
}

// signature is a string, as the older tool had it.
func signature(name string) func(context.Context, Source) ([]byte, error) {
	return func(ctx context.Context, s Source) ([]byte, error) {
		body, err := s.Identity(ctx, name)
		if err != nil {
			return nil, err
		}
		return encode(string(body)), nil
	}
}

func credentials(ctx context.Context, s Source) ([]byte, error) {
	c, err := s.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	return encode(c), nil
}
