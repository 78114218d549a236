package dhclient

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

// Link is a link as far as its leases depend on it.
type Link struct {
	Index     int
	Addresses []netip.Addr
}

// Change is what became of the leases of a link.
type Change struct {
	// Before is what was kept of the link, After what is held now. Both name the
	// link; either may have no lease.
	Before, After report.LinkLeases
	// Gone is true where the link itself is gone.
	Gone bool
}

// Action tells what happened, empty where nothing did but perhaps a renewal.
func (c Change) Action() hostnet.Action {
	switch {
	case c.Before.Same(c.After):
		return ""
	case c.Before.Empty():
		return hostnet.ActionAdded
	case c.After.Empty():
		return hostnet.ActionRemoved
	}
	return hostnet.ActionChanged
}

// Doubtful reports whether an address has gone, and so a lease, without a new one
// that took its place: dhclient(8) changes the address first and writes its file
// after that, so a moment later the file may tell of another.
func (c Change) Doubtful() bool {
	lost := func(before, after *hostnet.Lease) bool { return before != nil && after == nil }
	return !c.Gone && (lost(c.Before.IPv4, c.After.IPv4) || lost(c.Before.IPv6, c.After.IPv6))
}

// Compare tells for each link that has or had a lease what became of it, in the
// order of their names. kept is what is remembered, v4 and v6 are what the lease
// files tell, the later the newer, and find finds a link by its name.
//
// A lease in a file proves nothing: release, expiry and stop write nothing there.
// It is held as long as its address is on its link. And a lease that is missing
// from the files need not have ended, since dhclient empties and rewrites its
// file in place: it, too, is held as long as its address is there. A DHCPv6 lease
// without an address, of prefixes or settings alone, is held until it expires.
func Compare(kept map[string]report.LinkLeases, v4, v6 []hostnet.Lease, find func(name string) (Link, bool), now time.Time) []Change {
	names := map[string]bool{}
	byLink := func(leases []hostnet.Lease) map[string][]hostnet.Lease {
		m := map[string][]hostnet.Lease{}
		for _, l := range leases {
			m[l.Link] = append(m[l.Link], l)
			names[l.Link] = true
		}
		return m
	}
	found4, found6 := byLink(v4), byLink(v6)
	for name := range kept {
		names[name] = true
	}
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, known := kept[name]
		if !known {
			before.Link = name
		}
		link, there := find(name)
		c := Change{Before: before, After: before, Gone: !there}
		c.After.IPv4, c.After.IPv6 = nil, nil
		if there {
			c.After.Index = link.Index
			c.After.IPv4 = held(found4[name], before.IPv4, link, now)
			c.After.IPv6 = held(found6[name], before.IPv6, link, now)
		}
		if known || !c.After.Empty() {
			changes = append(changes, c)
		}
	}
	return changes
}

// held returns the lease that a link holds: the newest of the files that it can be,
// else the one it had. Several files tell of a link where it had several clients, and
// one that tells of several links is new for all of them when it is for one. So the
// leases that have expired come last: they cannot be meant, unless the clock is wrong.
func held(found []hostnet.Lease, had *hostnet.Lease, link Link, now time.Time) *hostnet.Lease {
	for _, expired := range []bool{false, true} {
		for _, l := range slices.Backward(found) {
			if ended(l, now) == expired && (onLink(l, link) || len(l.Addresses) == 0 && !expired) {
				return &l
			}
		}
	}
	if had != nil && onLink(*had, link) {
		return had
	}
	return nil
}

func onLink(l hostnet.Lease, link Link) bool {
	return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool {
		return slices.Contains(link.Addresses, p.Addr())
	})
}

func ended(l hostnet.Lease, now time.Time) bool {
	return !l.Expire.IsZero() && !l.Expire.After(now)
}
