// Package cloud asks a cloud's instance metadata service, and finds out which
// cloud a machine is in. What is told ends up in hostnet.Metadata; a package per
// cloud knows where to ask (fetch.go) and what the answer means (parse.go).
//
// It changes nothing on the host, and never asks for credentials or user data.
package cloud
