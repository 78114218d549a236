// Package watch turns what the kernel and networkd tell into events: the
// differences between what was and what is. It owns the picture of the host's
// links, in one goroutine. It does no I/O of its own: the kernel, the bus, the
// spool and the saved records come in as small interfaces.
package watch
