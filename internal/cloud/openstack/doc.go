// Package openstack reads the metadata service of OpenStack: two JSON documents.
// meta_data.json also holds a seed, and may hold the administrator's password and
// what the owner put into "meta"; none of it has a field here, and user and vendor
// data, keys of their own, are not asked for.
package openstack
