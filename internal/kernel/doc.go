// Package kernel is the adapter to rtnetlink(7): values of package hostnet in
// and out. It decides nothing: what is wanted, and what a change means, is
// for its callers. It is the only importer of vishvananda/netlink.
package kernel
