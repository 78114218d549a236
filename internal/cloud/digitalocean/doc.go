// Package digitalocean reads the metadata service of DigitalOcean: one JSON
// document. The document also holds auth_key, user_data and vendor_data; they
// have no field here.
package digitalocean
