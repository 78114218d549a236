// Package bench measures netbrk beside networkd-dispatcher, in one booted
// machine of the end-to-end tests: `make bench`. It prints and asserts nothing
// about time or size: what is fast enough is for its reader to say.
//
// All contestants are given the same cuts of the same link's carrier, made by
// the same system call, with the clock read right before it; the end is what
// the same hook reads off the same clock. One runs at a time.
//
// Policy routing is measured beside ip(8), in network namespaces; how long it
// takes to heal is read off the kernel's own notifications, in another machine.
package bench
