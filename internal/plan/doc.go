// Package plan decides what netbrk's policy routing is to be: values in, rules
// and routes out, and the steps that lead there. It asks nothing of the kernel,
// of a file or of a clock, and imports hostnet alone; who applies the steps is
// not its concern.
package plan
