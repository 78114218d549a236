// Package dhclient reads the lease files of ISC dhclient, and tells what became of
// the leases. It knows no kernel: whether a lease is held is decided by the
// addresses that its caller has seen. All in a lease came from whoever answered the
// DHCP request, so each value is checked for what it claims to be.
package dhclient
