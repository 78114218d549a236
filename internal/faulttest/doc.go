// Package faulttest tries what netbrk promises while it is killed, while its
// state directory is full or closed, while system calls fail, while the kernel's
// messages are lost, while the clock jumps and while scripts misbehave: the real
// binary, in network namespaces. It holds nothing but tests, which
// `make test-faults` runs.
package faulttest
