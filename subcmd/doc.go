// Package subcmd holds the verbs of the command line, a file for each. A verb
// parses its flags, builds the adapters, calls one function of another package
// and prints; it decides nothing about links itself, but for what an answer of a cloud
// counts for where it is in doubt: cloud_nics.go. Exit statuses are set in exit.go and
// nowhere else.
package subcmd
