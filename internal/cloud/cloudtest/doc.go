// Package cloudtest is what the tests of all clouds' packages share: golden
// files, a Getter that answers from a map, and what holds for all metadata.
package cloudtest
