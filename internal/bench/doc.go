// Package bench measures netbrk beside its peers, networkd-dispatcher in booted
// machines of the end-to-end tests and ip(8) in network namespaces: `make bench`. All
// of a run is in one table, which says where there is no peer and which goals were
// missed. It asserts nothing about time or size: what is fast enough is for its reader
// to say.
//
// All dispatchers are given the same cuts of the same link's carrier, made by
// the same system call, with the clock read right before it; the end is what
// the same hook reads off the same clock. One runs at a time.
//
// Policy routing is measured in network namespaces; how long it takes to heal is read
// off the kernel's own notifications, in another machine.
//
// A new figure is a Row of a test of its own; a section of the table is named in
// main_test.go.
package bench
