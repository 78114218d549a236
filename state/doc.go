// Package state holds what survives a process, as files under one directory
// (/run/netbrk): the spools of events, the last known state of links, the ledgers of
// what was done, the results of hooks. It decides nothing about links and runs nothing.
//
// Whoever reads a file here that another user may have written opens it
// without following links, checks its owner, type and size on the open file,
// and takes it as a hint.
package state
