package dhclient

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/netbrk/netbrk/internal/hostnet"
	"github.com/netbrk/netbrk/internal/report"
)

func TestCompare(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	lease := func(address string, dns ...string) hostnet.Lease {
		l := hostnet.Lease{Link: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix(address)}}
		for _, s := range dns {
			l.DNS = append(l.DNS, netip.MustParseAddr(s))
		}
		return l
	}
	past := func(l hostnet.Lease) hostnet.Lease { l.Expire = now.Add(-time.Hour); return l }
	renewed := func(l hostnet.Lease) hostnet.Lease { l.Expire = now.Add(time.Hour); return l }
	a, b := lease("192.0.2.7/24", "192.0.2.1"), lease("192.0.2.8/24", "192.0.2.1")
	a2 := lease("192.0.2.7/24", "192.0.2.2")
	six := lease("2001:db8::7/128")
	stateless := hostnet.Lease{Link: "eth0", DNS: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}
	ended := stateless
	ended.Expire = now.Add(-time.Second)
	list := func(leases ...hostnet.Lease) []hostnet.Lease { return leases }
	for _, test := range []struct {
		name         string
		kept4, kept6 *hostnet.Lease
		v4, v6       []hostnet.Lease
		on           []string // addresses; nil for no link
		want4, want6 *hostnet.Lease
		action       hostnet.Action
		doubtful     bool
		none         bool
	}{
		{name: "nothing", on: []string{"192.0.2.7"}, none: true},
		{name: "new", v4: list(a), on: []string{"192.0.2.7"}, want4: &a, action: hostnet.ActionAdded},
		{name: "of another client", v4: list(a, b), on: []string{"192.0.2.7"}, want4: &a, action: hostnet.ActionAdded},
		{name: "of two files", v4: list(a, a2), on: []string{"192.0.2.7"}, want4: &a2, action: hostnet.ActionAdded},
		{name: "of another time", v4: list(a), on: []string{"192.0.2.99"}, none: true},
		{name: "of no link", v4: list(a), none: true},
		{name: "same", kept4: &a, v4: list(a), on: []string{"192.0.2.7"}, want4: &a},
		{name: "renewed", kept4: &a, v4: list(renewed(a)), on: []string{"192.0.2.7"}, want4: new(renewed(a))},
		{name: "other name server", kept4: &a, v4: list(a2), on: []string{"192.0.2.7"}, want4: &a2, action: hostnet.ActionChanged},
		{name: "other address", kept4: &a, v4: list(b), on: []string{"192.0.2.8"}, want4: &b, action: hostnet.ActionChanged},
		{name: "other address, not written yet", kept4: &a, v4: list(a), on: []string{"192.0.2.8"}, action: hostnet.ActionRemoved, doubtful: true},
		{name: "released", kept4: &a, v4: list(a), on: []string{"127.0.0.1"}, action: hostnet.ActionRemoved, doubtful: true},
		{name: "unplugged", kept4: &a, v4: list(a), action: hostnet.ActionRemoved},
		{name: "file empty, address there", kept4: &a, on: []string{"192.0.2.7"}, want4: &a},
		{name: "IPv6 comes", kept4: &a, v4: list(a), v6: list(six), on: []string{"192.0.2.7", "2001:db8::7"}, want4: &a, want6: &six, action: hostnet.ActionChanged},
		{name: "IPv6 goes", kept4: &a, kept6: &six, v4: list(a), v6: list(six), on: []string{"192.0.2.7"}, want4: &a, action: hostnet.ActionChanged, doubtful: true},
		{name: "expired, and not", v4: list(renewed(a), past(a2)), on: []string{"192.0.2.7"}, want4: new(renewed(a)), action: hostnet.ActionAdded},
		{name: "expired, by a clock that is wrong", v4: list(past(a)), on: []string{"192.0.2.7"}, want4: new(past(a)), action: hostnet.ActionAdded},
		{name: "settings alone", v6: list(stateless), on: []string{"fe80::1"}, want6: &stateless, action: hostnet.ActionAdded},
		{name: "settings expired", kept6: &stateless, v6: list(ended), on: []string{"fe80::1"}, action: hostnet.ActionRemoved, doubtful: true},
		{name: "settings missing", kept6: &stateless, on: []string{"fe80::1"}, action: hostnet.ActionRemoved, doubtful: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			kept := map[string]report.LinkLeases{}
			if test.kept4 != nil || test.kept6 != nil {
				kept["eth0"] = report.LinkLeases{Link: "eth0", Index: 2, IPv4: test.kept4, IPv6: test.kept6, HostName: "h"}
			}
			find := func(name string) (Link, bool) {
				assert.Equal(t, "eth0", name)
				l := Link{Index: 3}
				for _, s := range test.on {
					l.Addresses = append(l.Addresses, netip.MustParseAddr(s))
				}
				return l, test.on != nil
			}
			changes := Compare(kept, test.v4, test.v6, find, now)
			if test.none {
				assert.Empty(t, changes)
				return
			}
			if assert.Len(t, changes, 1) {
				c := changes[0]
				assert.Equal(t, test.want4, c.After.IPv4)
				assert.Equal(t, test.want6, c.After.IPv6)
				assert.Equal(t, kept["eth0"].HostName, c.After.HostName, "what was done is remembered until it is undone")
				assert.Equal(t, test.action, c.Action())
				assert.Equal(t, test.doubtful, c.Doubtful())
				assert.Equal(t, test.on == nil, c.Gone)
			}
		})
	}
}
