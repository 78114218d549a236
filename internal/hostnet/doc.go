// Package hostnet holds netbrk's plain values: links, addresses, events and
// the words that name their states. It does no I/O, knows no adapter and
// imports the standard library alone; every other package speaks in its terms.
package hostnet
