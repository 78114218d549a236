// Package gcp reads the metadata server of Google Cloud. It asks for the NICs in
// one JSON document and for the facts one by one: a document of the whole
// instance has its attributes in it, startup scripts and cluster secrets. Of the
// attributes, those with SSH keys alone are asked for; of the service accounts,
// nothing.
package gcp
