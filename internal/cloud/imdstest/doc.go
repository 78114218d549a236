// Package imdstest is a metadata server for tests: one for all clouds, strict
// about headers and tokens, with faults by script and changes while it runs. It
// renders hostnet.Metadata in each cloud's own form. It is for tests and the
// demo alone.
package imdstest
