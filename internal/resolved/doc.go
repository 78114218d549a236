// Package resolved is the adapter to those who name things for this host:
// systemd-resolved, org.freedesktop.resolve1(5), for the name servers and search
// domains of a link; systemd-networkd where the link is its own; and
// systemd-hostnamed, org.freedesktop.hostname1(5), for the transient host name.
// It decides nothing, and it never starts resolved or networkd.
package resolved
