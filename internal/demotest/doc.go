// Package demotest tries `make demo` as its users do: as root, as an ordinary
// user, and where it cannot work. It holds nothing but tests.
package demotest
