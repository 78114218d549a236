// Package systemd asks systemd, the manager of the host's units, to start and to
// stop some, and which of them are active.
//
// It waits for no job: what a unit wants may take its time, or hang. It must not
// decide which unit follows what; that is dispatcher's.
package systemd
