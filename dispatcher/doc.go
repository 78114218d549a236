// Package dispatcher turns an event into runs of the scripts of the host's owner: it
// finds them, checks whose they are, builds their environment, runs them and keeps
// order among events. It has systemd's targets follow the states of links, and starts
// the reader of a spool for a watcher that has no path units.
//
// It is the only package that starts a process. It must not ask the kernel,
// networkd or a file about a link: facts come in as values, and the queue of
// events behind an interface. It runs nothing that another user than root and
// the one netbrk runs as could have written, takes no word of a message into
// a path, and hands a script nothing of its own environment.
package dispatcher
