// Package subcmd holds the verbs of the command line, a file for each. A verb
// parses its flags, builds the adapters, calls one function of another package
// and prints; it decides nothing about links itself. Exit statuses are set in
// exit.go and nowhere else.
package subcmd
