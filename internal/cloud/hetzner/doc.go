// Package hetzner reads the metadata service of Hetzner Cloud: two YAML
// documents. The first also holds vendor_data, which has no field here; user
// data, a key of its own, is not asked for.
package hetzner
